"""What a caller may decide of a run folder, through the real command line's parser, in this process."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dynaclr.base.errors import RunError
from dynaclr.options.spec import RunSpec
from dynaclr.runs.record.event_reader import EventReader
from dynaclr.runs.record.layout import RunFolder, claim_folder, made_folder

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::UserWarning"),  # tiny images, tiny sets
]

_TINY: dict[str, Any] = {
    "data.batch_size": 8,
    "data.yx_patch_size": [16, 16],
    "data.final_yx_patch_size": [12, 12],
    "data.augmentations": [],
    "model.encoder.init_args.widths": [4, 8],
    "trainer.accelerator": "cpu",
    "trainer.limit_train_batches": 3,
    "trainer.limit_val_batches": 1,
    "run.checkpoint_every_n_epochs": 1,
}


@pytest.fixture(autouse=True)
def _no_folder_of_another(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DYNACLR_RUN_FOLDER", "")
    yield


@pytest.fixture
def config(quick: RunSpec, coded: Path, tmp_path: Path) -> Path:
    file = tmp_path / "tiny.yaml"
    quick.changed({**_TINY, "data.experiments_yaml": str(coded)}).write(file)
    return file


def fit(*arguments: str) -> int:
    from dynaclr.cli.training import _from_run, parse
    from dynaclr.runs.process.session import train

    given, _ = _from_run([*arguments, "--trainer.enable_progress_bar=false"])
    return train(parse(given, "fit"))


def starts(folder: RunFolder) -> list[int]:
    found = EventReader(folder.events()).read_all()
    return [event["resumed_from_step"] for event in found if event["kind"] == "start"]


def test_a_chosen_folder_and_the_best_checkpoint(config: Path, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "chosen" / "ünder")
    folder.path.mkdir(parents=True)
    folder.launch.write_text("{}")  # what a launcher leaves does not matter
    folder.output.touch()
    assert fit("--config", str(config), "--run.folder", str(folder.path)) == 0
    assert folder.facts.is_file()
    assert RunSpec.read(folder.path).get("run.folder") is None

    with pytest.raises(RunError, match=r"run\.folder: the folder for the run is not empty"):
        fit("--config", str(config), "--run.folder", str(folder.path))
    assert starts(folder) == [0]
    assert not folder.lock.exists()

    first = next(path for path in folder.checkpoints.iterdir() if "epoch=0" in path.name)
    shutil.copy(first, folder.best)
    assert fit("--run.resume", str(folder.path), "--run.resume_from", "best") == 0
    assert starts(folder) == [0, 3]
    folder.best.write_bytes(b"torn")
    with pytest.raises(RunError, match="not a complete checkpoint"):
        fit("--run.resume", str(folder.path), "--run.resume_from", "best")


def test_who_asks_for_an_end_before_the_start_gets_it(config: Path, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "chosen")
    folder.path.mkdir()
    folder.stop.touch()
    assert fit("--config", str(config), "--run.folder", str(folder.path)) == 3
    end = EventReader(folder.events()).read_all()[-1]
    assert (end["kind"], end["reason"]) == ("end", "stop file")


def test_what_a_claimed_folder_may_hold(tmp_path: Path) -> None:
    folder = made_folder(tmp_path)
    of_others = (folder.launch, folder.request, folder.output, folder.lock, folder.stop)
    for file in (*of_others, folder.log, folder.events(1)):  # the last two are other ranks'
        file.touch()
    folder.slurm.mkdir()
    claim_folder(folder)
    (folder.checkpoints / "a.ckpt").touch()
    with pytest.raises(RunError, match="found checkpoints"):
        claim_folder(folder)
    (folder.checkpoints / "a.ckpt").unlink()
    folder.events().touch()
    with pytest.raises(RunError, match=r"found events\.jsonl"):
        claim_folder(folder)

"""The real command line, end to end, on tiny data."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from tests.support.loaded import Child, Loaded

from dynaclr.embedding.table import read_embeddings
from dynaclr.options.reader import read_config
from dynaclr.pipeline import Pipeline
from dynaclr.pipeline.config import PipelineConfig
from dynaclr.pipeline.inspector import BatchInspector
from dynaclr.runs.record.event_reader import EventReader, MetricTable
from dynaclr.runs.record.layout import RunFolder
from dynaclr.runs.record.states import ExitCode

pytestmark = pytest.mark.timeout(1200)
Run = Callable[..., subprocess.CompletedProcess[str]]

EXAMPLE = Path(__file__).parents[2] / "examples" / "train.yaml"

QUICK = {
    "trainer": {"max_epochs": 2, "accelerator": "cpu", "enable_progress_bar": False},
    "run": {"root": "runs", "name": "quick", "checkpoint_every_n_epochs": 1},
    "data": {
        "experiments_yaml": "data/experiments.yaml",
        "z_range": [0, 2],
        "yx_patch_size": [32, 32],
        "final_yx_patch_size": [24, 24],
        "val_experiments": ["dengue_july"],
        "batch_size": 16,
        "missing_statistics": "compute",
        "normalizations": [{"class_path": "dynaclr.transforms.NormalizeByStatistics"}],
        "augmentations": [{"class_path": "dynaclr.transforms.RandomFlip"}],
    },
    "model": {
        "encoder": {
            "class_path": "dynaclr.encoder.SmallEncoder",
            "init_args": {"in_channels": 2, "in_stack_depth": 2, "widths": [8, 16]},
        },
        "loss_function": {"class_path": "dynaclr.loss.NTXentHCL", "init_args": {"temperature": 0.2}},
    },
}


@pytest.fixture
def dynaclr(loaded: Loaded) -> Run:
    """Run a verb in a folder, to its end."""
    return loaded.run


def only_run(folder: Path) -> RunFolder:
    (path,) = (folder / "runs").iterdir()
    return RunFolder(path)


def events(run: RunFolder) -> list[dict[str, Any]]:
    return EventReader(run.events()).read_all()


@pytest.fixture
def training(loaded: Loaded) -> Callable[..., AbstractContextManager[Child]]:
    """Start a fit in the background; it does not outlive the test."""
    return lambda folder, *arguments: loaded.running(folder, "fit", "--config", "quick.yaml", *arguments)


@pytest.fixture
def project(synthetic_source: Path, tmp_path: Path) -> Path:
    """A folder with data and quick.yaml."""
    shutil.copytree(synthetic_source.parent, tmp_path / "data")
    (tmp_path / "quick.yaml").write_text(yaml.safe_dump(QUICK), encoding="utf-8")
    return tmp_path


def test_help_is_quick_and_lists_all_verbs(tmp_path: Path) -> None:
    heavy = "set(sys.modules) & {'torch', 'pandas', 'lightning'}"
    code = f"import sys, dynaclr.__main__ as m; m.main(['--help']); print(sorted({heavy}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    for verb in ("fit", "validate", "predict", "preprocess", "inspect", "convert", "watch", "demo"):
        assert f"  {verb}" in done.stdout
    assert done.stdout.endswith("[]\n")


def test_help_of_a_training_is_quick_and_says_how_to_see_all() -> None:
    heavy = "set(sys.modules) & {'torch', 'pandas', 'lightning', 'numpy'}"
    code = f"import sys, dynaclr.__main__ as m; m.main(['fit', '--help']); print(sorted({heavy}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "  temporal_window_hours " in done.stdout and "--help all" in done.stdout
    assert done.stdout.endswith("[]\n")


def test_an_unknown_verb_is_suggested(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dynaclr", "fti"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "Did you mean 'fit'?" in done.stderr


@pytest.mark.slow
def test_train_stop_resume_predict_watch(project: Path, dynaclr: Run) -> None:
    done = dynaclr(project, "fit", "--config", "quick.yaml")
    assert done.returncode == 0, done.stderr
    run = only_run(project)
    assert {path.name for path in run.path.iterdir()} >= {
        "run.json",
        "config.yaml",
        "experiments.yaml",
        "events.jsonl",
        "status.json",
        "previews",
        "checkpoints",
        "log.txt",
    }
    assert not run.lock.exists()
    names = {path.name for path in run.checkpoints.iterdir()}
    assert {"last.ckpt", "best.ckpt"} <= names
    assert sum(name.startswith("epoch=") for name in names) == 2
    seen = events(run)
    assert [event["seq"] for event in seen] == list(range(len(seen)))
    assert seen[-1]["kind"] == "end"
    assert seen[-1]["state"] == "finished"
    table = MetricTable()
    table.add(seen)
    curves = table.curves()
    steps = next(event["total_steps"] for event in seen if event["kind"] == "start")
    assert curves["loss/train"][0].tolist() == list(range(1, steps + 1))
    assert len(curves["loss/val"][0]) == 2
    assert {"lr", "samples_per_second", "health/effective_rank_val"} <= set(curves)
    assert curves["lr"][1][-1] < curves["lr"][1][0]

    # the run's own config repeats it: same seed, same device, same losses
    options = ["--run.root=again", "--run.previews=1000", "--data.num_workers=3"]
    options.append("--trainer.deterministic=true")
    again = dynaclr(project, "fit", "--config", str(run.config), *options)
    assert again.returncode == 0, again.stderr
    (other,) = (project / "again").iterdir()
    repeated = MetricTable()
    repeated.add(events(RunFolder(other)))
    assert np.array_equal(curves["loss/train"][1], repeated.curves()["loss/train"][1])

    # and the batches of both, read by 0 and by 3 threads, are those that a viewer draws
    inspector = BatchInspector(set_up(read_config(run.path)))
    first, second = (inspector.compare(RunFolder(path).previews) for path in (run.path, other))
    assert first.identical and second.identical, (first, second)
    assert (first.compared, second.compared) == (4, steps)

    done = dynaclr(project, "predict", "--from_run", str(run.path))
    assert done.returncode == 0, done.stderr
    table = read_embeddings(run.path / "embedding.parquet")
    assert table.features.shape[0] == len(table.observations)
    assert np.isfinite(table.features).all()
    keys = table.observations[["experiment", "fov_name", "track_id", "t"]]
    assert not keys.duplicated().any()
    assert {"condition", "hours_post_infection", "lineage_id", "id", "y", "x"} <= set(table.observations)

    done = dynaclr(project, "watch", str(run.path), "--png", "curves.png")
    assert done.returncode == 0, done.stderr
    assert "finished" in done.stdout
    assert (project / "curves.png").stat().st_size > 5000


@pytest.mark.slow
def test_stop_in_the_middle_and_resume_to_the_same_batches(
    project: Path, dynaclr: Run, training: Any
) -> None:
    slow = [
        "--data.batch_size=4",
        "--trainer.max_epochs=3",
        "--run.checkpoint_every_n_steps=1",
        "--run.previews=10000",
    ]
    whole = dynaclr(project, "fit", "--config", "quick.yaml", *slow, "--run.root", "whole")
    assert whole.returncode == 0, whole.stderr
    (reference,) = (project / "whole").iterdir()

    with training(project, *slow) as process:
        run = wait_for_step(project, 5)
        run.stop.touch()
        assert process.wait(120) == ExitCode.STOPPED, process.errors
    end = events(run)[-1]
    assert (end["kind"], end["state"], end["reason"]) == ("end", "stopped", "stop file")
    stopped_at = json.loads(run.status.read_text())["step"]
    total = next(event["total_steps"] for event in events(run) if event["kind"] == "start")
    assert 5 <= stopped_at < total

    done = dynaclr(project, "fit", "--run.resume", str(run.path))
    assert done.returncode == 0, done.stderr
    starts = [event for event in events(run) if event["kind"] == "start"]
    assert starts[1]["resumed_from_step"] == stopped_at
    tables = []
    for folder in (RunFolder(reference), run):
        table = MetricTable()
        table.add(events(folder))
        tables.append(table.curves()["loss/train"])
    assert np.array_equal(tables[0][0], tables[1][0])
    assert np.array_equal(tables[0][1], tables[1][1])
    for preview in RunFolder(reference).previews.iterdir():
        assert (run.previews / preview.name).read_text() == preview.read_text()


def set_up(config: PipelineConfig) -> Pipeline:
    pipeline = Pipeline(config)
    pipeline.setup()
    return pipeline


def wait_for_step(project: Path, step: int) -> RunFolder:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        for path in (project / "runs").glob("*"):
            if any(event.get("step", 0) >= step for event in events(RunFolder(path))):
                return RunFolder(path)
        time.sleep(0.02)
    raise AssertionError("training did not start")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_signals_stop_gracefully(project: Path, training: Any, name: str) -> None:
    with training(project, "--data.batch_size=4", "--trainer.max_epochs=50") as process:
        run = wait_for_step(project, 3)
        process.send_signal(getattr(signal, name))
        assert process.wait(200) == ExitCode.STOPPED, process.errors
    assert events(run)[-1]["reason"] == f"signal {name}"
    assert (run.checkpoints / "last.ckpt").is_file()


@pytest.mark.slow
def test_faults_end_with_a_message_and_a_code(project: Path, dynaclr: Run) -> None:
    cases = [
        (["--data.val_experiments=[dengue_jully]"], ExitCode.CONFIG, "Did you mean 'dengue_july'?"),
        (["--data.z_range=[0,9]"], ExitCode.CONFIG, "Z range exceeds the stack"),
        (
            ["--model.lr=1e30", "--trainer.max_epochs=30"],
            ExitCode.TRAINING,
            "experiment dengue_june, row batch ",
        ),
    ]
    for extra, code, message in cases:
        done = dynaclr(project, "fit", "--config", "quick.yaml", *extra)
        assert done.returncode == code, done.stderr
        assert message in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_damaged_chunk_ends_the_run_with_its_place(project: Path, dynaclr: Run) -> None:
    plate = project / "data" / "dengue_june.zarr"
    assert dynaclr(project, "preprocess", "data/experiments.yaml").returncode == 0
    chunk = next(path for path in (plate / "A/1/0/0/4").rglob("*") if path.is_file())
    before = chunk.stat()
    chunk.write_bytes(b"\xff" * before.st_size)
    os.utime(chunk, ns=(before.st_atime_ns, before.st_mtime_ns))  # as a disk damages it: nobody wrote
    done = dynaclr(project, "fit", "--config", "quick.yaml", "--trainer.max_epochs=5")
    assert done.returncode == ExitCode.FAILED
    assert "experiment dengue_june" in done.stderr
    assert "A/1/0 frame 4" in done.stderr
    run = only_run(project)
    assert events(run)[-1]["state"] == "failed"


@pytest.mark.slow
def test_a_second_fit_into_a_running_folder_is_refused(project: Path, dynaclr: Run) -> None:
    done = dynaclr(project, "fit", "--config", "quick.yaml", "--trainer.max_epochs=1")
    assert done.returncode == 0, done.stderr
    run = only_run(project)
    from dynaclr.runs.record.lock import RunLock

    with RunLock(run.lock):
        done = dynaclr(project, "fit", "--run.resume", str(run.path))
    assert done.returncode == 2
    assert f"process {os.getpid()}" in done.stderr
    done = dynaclr(project, "fit", "--run.resume", str(run.path), "--data.batch_size=8")
    assert done.returncode == 2
    assert "data.batch_size: 16 then, 8 now" in done.stderr


@pytest.mark.slow
def test_inspect_reports_and_draws(project: Path, dynaclr: Run) -> None:
    assert dynaclr(project, "preprocess", "data/experiments.yaml").returncode == 0
    done = dynaclr(project, "inspect", "--config", "quick.yaml", "--batches", "5", "--output", "look")
    assert done.returncode == 0, done.stderr
    assert "dengue_june" in done.stdout
    assert "coverage" in done.stdout
    assert {path.name for path in (project / "look").iterdir()} == {
        "report.txt",
        "report.json",
        "composition.csv",
        "composition_report.csv",
        "composition.png",
    }
    assert not (project / "runs").exists()


@pytest.mark.slow
def test_the_example_configuration_runs(project: Path, dynaclr: Run) -> None:
    shutil.copy(EXAMPLE, project / "train.yaml")
    done = dynaclr(
        project,
        "fit",
        "--config",
        "train.yaml",
        "--data.experiments_yaml=data/experiments.yaml",
        "--trainer.max_epochs=1",
        "--trainer.accelerator=cpu",
    )
    assert done.returncode == 0, done.stderr
    done = dynaclr(project, "validate", "--from_run", str(only_run(project).path))
    assert done.returncode == 0, done.stderr
    assert "loss/val" in done.stdout

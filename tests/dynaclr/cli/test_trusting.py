from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from dynaclr.base.errors import ConfigError
from dynaclr.cli.trusting import known_classes_only
from dynaclr.cli.verbs import main

EXAMPLE = Path(__file__).parents[3] / "examples" / "train.yaml"
GOOD: dict[str, Any] = {
    "trainer": {"callbacks": [{"class_path": "lightning.pytorch.callbacks.LearningRateMonitor"}]},
    "data": {
        "experiments_yaml": "json.yaml",  # a file, whatever it is called
        "augmentations": [{"class_path": "dynaclr.transforms.RandomFlip"}],
    },
    "model": {
        "encoder": {
            "class_path": "dynaclr.encoder.ContrastiveEncoder",
            "init_args": {"backbone": "convnext_tiny.fb_in22k"},  # a name of timm, no package
        },
        "loss_function": {"class_path": "torch.nn.TripletMarginLoss"},
    },
}
EVIL = "from pathlib import Path\nPath(__file__).with_name('ran').touch()\nclass Encoder: pass\n"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a module that tells when it is imported, as the present one."""
    (tmp_path / "evil.py").write_text(EVIL, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("DYNACLR_TRUST_CONFIG", raising=False)
    return tmp_path


def write(path: Path, content: Any) -> str:
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return str(path)


def changed(field: str, value: Any) -> dict[str, Any]:
    content = json.loads(json.dumps(GOOD))
    *folders, last = field.split(".")
    inner = content
    for name in folders:
        inner = inner.setdefault(name, {})
    inner[last] = value
    return content


def test_what_the_project_offers_is_known(place: Path) -> None:
    for path in (str(EXAMPLE), write(place / "good.yaml", GOOD)):
        assert known_classes_only(["--config", path, "--trainer.max_epochs=2"])[2:] == [
            "--trainer.max_epochs=2"
        ]


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("model.encoder", {"class_path": "evil.Encoder"}, "model.encoder.class_path"),
        ("model.encoder", "evil.Encoder", "model.encoder"),
        ("model.encoder.init_args", {"head": {"class_path": "evil.Encoder"}}, "head.class_path"),
        ("model.encoder.init_args", {"norm": "evil.Encoder"}, "model.encoder.init_args.norm"),
        ("data.augmentations", ["evil.Encoder"], "data.augmentations.0"),
        ("data.normalizations", [{"class_path": "os.system"}], "data.normalizations.0.class_path"),
        ("trainer.logger", {"class_path": "evil.Logger"}, "trainer.logger.class_path"),
        ("trainer.strategy", "subprocess.Popen", "trainer.strategy"),
        ("nobody.knows", {"class_path": "unheard_of.Thing"}, "nobody.knows.class_path"),
    ],
)
def test_foreign_classes_are_refused_with_their_place(
    place: Path, field: str, value: Any, named: str
) -> None:
    path = write(place / "train.yaml", changed(field, value))
    for arguments in (["--config", path], [f"--config={path}"], ["--seed_everything", "1", "--config", path]):
        with pytest.raises(ConfigError, match="--trust-config") as caught:
            known_classes_only(arguments)
        assert f"file {path}, row line " in str(caught.value)
        assert f"field {named}" in str(caught.value) or f"{named}:" in str(caught.value)
    assert not (place / "ran").exists()


def test_the_line_is_named(place: Path) -> None:
    (place / "train.yaml").write_text("model:\n  encoder:\n    class_path: evil.Encoder\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"row line 3, field model\.encoder\.class_path"):
        known_classes_only(["--config", "train.yaml"])


@pytest.mark.parametrize("ending", ["yaml", "json"])
def test_files_that_files_and_options_point_to(place: Path, ending: str) -> None:
    (place / "deep").mkdir()
    bad = {"class_path": "evil.Encoder"}
    (place / "deep" / f"encoder.{ending}").write_text(json.dumps(bad), encoding="utf-8")
    (place / "deep" / f"model.{ending}").write_text(
        json.dumps({"encoder": f"encoder.{ending}"}), encoding="utf-8"
    )
    (place / "deep" / f"flips.{ending}").write_text(json.dumps([bad]), encoding="utf-8")
    outer = write(place / "deep" / "train.yaml", {"model": f"model.{ending}"})
    for arguments in (
        ["--config", outer],
        ["--model", f"deep/model.{ending}"],
        [f"--model.encoder=deep/encoder.{ending}"],
        [f"--data.augmentations=deep/flips.{ending}"],
    ):
        with pytest.raises(ConfigError, match=r"evil\.Encoder"):
            known_classes_only(arguments)


def test_the_configuration_of_a_run_is_a_configuration(place: Path) -> None:
    (place / "run").mkdir()
    write(place / "run" / "config.yaml", changed("model.encoder", {"class_path": "evil.Encoder"}))
    for option in ("--from_run", "--run.resume"):
        with pytest.raises(ConfigError, match=r"evil\.Encoder"):
            known_classes_only([option, "run"])


def test_a_file_that_names_itself_ends(place: Path) -> None:
    assert known_classes_only(["--config", write(place / "a.yaml", {"model": "a.yaml"})])


def test_several_are_listed_together(place: Path) -> None:
    path = write(place / "train.yaml", {"model": {"encoder": "evil.A", "loss_function": "evil.B"}})
    with pytest.raises(ConfigError, match=r"2 problems\n.*evil\.A.*\n.*evil\.B"):
        known_classes_only(["--config", path])


def test_who_trusts_it_says_so(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(place / "train.yaml", changed("model.encoder", {"class_path": "evil.Encoder"}))
    assert known_classes_only(["--config", path, "--trust-config"]) == ["--config", path]
    for value, trusted in (("1", True), ("true", True), ("0", False), ("", False)):
        monkeypatch.setenv("DYNACLR_TRUST_CONFIG", value)
        if trusted:
            assert known_classes_only(["--config", path]) == ["--config", path]
        else:
            with pytest.raises(ConfigError):
                known_classes_only(["--config", path])


def test_what_a_person_types_is_not_looked_at() -> None:
    arguments = ["--model.encoder=evil.Encoder", "--model.encoder", "evil.Encoder"]
    assert known_classes_only(arguments) == arguments


def test_damaged_files_are_named(place: Path) -> None:
    (place / "latin.yaml").write_bytes(b"model:\n  encoder: caf\xe9\n")
    with pytest.raises(ConfigError, match=r"latin\.yaml: line 2 is not UTF-8"):
        known_classes_only(["--config", "latin.yaml"])
    (place / "twice.yaml").write_text("model: 1\nmodel: 2\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="key 'model' is duplicated, on lines 1 and 2"):
        known_classes_only(["--config", "twice.yaml"])


@pytest.mark.parametrize("verb", ["fit", "validate", "predict", "inspect"])
def test_the_command_line_refuses_before_anything_is_imported(
    place: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    write(place / "train.yaml", changed("model.encoder", {"class_path": "evil.Encoder"}))
    assert main([verb, "--config", "train.yaml"]) == 2
    assert "field model.encoder.class_path" in capsys.readouterr().err
    assert not (place / "ran").exists()


def test_nothing_heavy_is_imported_to_refuse(place: Path) -> None:
    write(place / "train.yaml", changed("model.encoder", {"class_path": "evil.Encoder"}))
    code = (
        "import sys; from dynaclr.cli.verbs import main; code = main(['fit', '--config', 'train.yaml'])\n"
        "print(code, sorted({'torch', 'lightning', 'evil'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "2 []\n", done.stderr

"""What README shows exists and works: its Python runs, its YAML is read, its commands parse."""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from dynaclr.cli import verbs as door

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
TRAINING_VERBS = ("fit", "estimate", "validate", "predict", "inspect")


class Parsed(Exception):
    """The command line was understood."""


def blocks(language: str) -> list[str]:
    fences = re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, flags=re.DOTALL | re.MULTILINE)
    return [content for name, content in fences if name == language]


def commands() -> list[list[str]]:
    """Arguments of every `python -m dynaclr` line, a line that goes on with a backslash joined."""
    text = re.sub(r"\\\n\s*", "", "\n".join(blocks("")))
    lines = re.findall(r"^\S*python -m dynaclr (.*)$", text, flags=re.MULTILINE)
    quoted = re.findall(r"`python -m dynaclr (.*?)`", TEXT)
    return [shlex.split(line, comments=True) for line in dict.fromkeys([*lines, *quoted])]


def ended_after(parse: Callable[..., Any]) -> Callable[..., NoReturn]:
    def wrapped(*arguments: Any, **options: Any) -> NoReturn:
        parse(*arguments, **options)
        raise Parsed

    return wrapped


def line(arguments: list[str]) -> Any:
    heavy = arguments[0] in TRAINING_VERBS
    return pytest.param(arguments, id=" ".join(arguments), marks=pytest.mark.slow if heavy else ())


def test_every_verb_of_the_table_is_shown_or_described() -> None:
    shown = {arguments[0] for arguments in commands()}
    assert {"fit", "predict", "preprocess", "inspect", "convert", "watch", "demo", "estimate"} <= shown
    assert shown <= set(door._VERBS)


@pytest.mark.parametrize("arguments", [line(arguments) for arguments in commands()])
def test_commands_parse(
    arguments: list[str], synthetic_source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line goes through the door and its own parser; nothing after the parser runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PL_GLOBAL_SEED", "0")  # Lightning sets it: put back at the end
    for name in ("train.yaml", "config.yaml"):
        shutil.copy(ROOT / "examples" / "train.yaml", name)
    shutil.copytree(synthetic_source.parent, tmp_path, dirs_exist_ok=True)
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy("train.yaml", run / "config.yaml")
    (run / "run.json").write_text('{"schema": 1}', encoding="utf-8")
    arguments = [text.replace("runs/<stamp>-<name>", str(run)) for text in arguments]
    if arguments[0] in TRAINING_VERBS:
        from dynaclr.cli import training

        monkeypatch.setattr(training, "parse", ended_after(training.parse))
    else:
        parse = argparse.ArgumentParser.parse_args
        monkeypatch.setattr(argparse.ArgumentParser, "parse_args", ended_after(parse))
    if arguments[-1] == "--help":
        with pytest.raises(SystemExit, match="0"):
            door.main(arguments)
        return
    with pytest.raises(Parsed):
        door.main(arguments)


def test_the_python_runs(
    synthetic_source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = blocks("python")
    monkeypatch.chdir(synthetic_source.parent)
    exec(compile(code, "README.md", "exec"), {})
    shown = capsys.readouterr().out
    assert "torch.Size([16, 2, " in shown
    assert "dengue_june" in shown


def test_the_experiments_are_read(tmp_path: Path) -> None:
    from dynaclr.experiment import read_experiments

    (text,) = blocks("yaml")
    path = tmp_path / "experiments.yaml"
    path.write_text(text, encoding="utf-8")
    (config,) = read_experiments(path)
    assert config.condition_of("B/1") == "infected"


@pytest.mark.parametrize("target", re.findall(r"\]\(((?!https?:)[^)]+)\)", TEXT))
def test_links_lead_somewhere(target: str) -> None:
    assert (ROOT / target).exists()


def test_targets_of_make_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make (\w[\w-]*)", "\n".join(blocks("")), flags=re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target

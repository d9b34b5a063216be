"""What README, docs and examples show works: it is read, code runs, and so do commands in their order."""

from __future__ import annotations

import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.loaded import Child, Loaded
from tests.support.stacks import write_frames, write_stacks

from dynaclr.cli.verbs import _VERBS
from dynaclr.options.reference import FILES
from dynaclr.runs.record.layout import RunFolder
from dynaclr.runs.record.states import ExitCode
from dynaclr.runs.record.status import read_status

ROOT = Path(__file__).parents[1]
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
    if path.name != "CHANGELOG.md" and "_build" not in path.parts
}
TOOLS = "pip|uv|git|cd|pre-commit|sbatch|squeue|srun"
PROGRAMS = rf"(?:\S*/)?(?:python[\d.]*|dynaclr|make|napari|touch|{TOOLS})\b"
SETS_UP = rf"(?:\S*/)?(python[\d.]* -m (pip|venv|build) |({TOOLS}) |napari$)"
"""Commands that make an environment, or need a person or a cluster: their files and extras are looked at."""
MINUTES = ("demo",)
"""Verbs that take minutes unless the data are tiny: that they have the options is looked at."""
RECORDING = "Fluo-N2DL-HeLa"
SHORT = ("--trainer.accelerator=cpu", "--trainer.enable_progress_bar=false", "--trainer.max_epochs=500")


def blocks(text: str, *languages: str) -> list[str]:
    fences = re.findall(r"^```(\S*)[^\n]*\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    return [content for name, content in fences if name in languages]


def commands(text: str) -> list[str]:
    """Commands of a page in their order, and those quoted in a sentence; comments are left out."""
    shown = "\n".join(blocks(text, "", "sh", "bash", "shell", "console")).replace("\\\n", " ")
    lines = [re.sub(r"(^\$ |\s+#.*$)", "", line.strip()) for line in shown.splitlines()]
    quoted = re.findall(rf"`({PROGRAMS} [^`]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M))
    quoted = [" ".join(line.split()) for line in quoted]
    found = [line for line in lines if re.match(rf"{PROGRAMS}( |$)", line)]
    return list(dict.fromkeys([*found, *(line for line in quoted if line not in found)]))


WITH_COMMANDS = [name for name, text in PAGES.items() if commands(text)]


def test_links_lead_somewhere() -> None:
    links = [
        (name, target)
        for name, text in PAGES.items()
        for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", text)
    ]
    assert links
    assert [link for link in links if not (ROOT / link[0]).parent.joinpath(link[1]).exists()] == []


def test_what_sets_up_names_things_that_are_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    shown = [line for text in PAGES.values() for line in commands(text)]
    targets = {target for line in shown if line.startswith("make ") for target in line.split()[1:]}
    extras = {
        extra
        for line in shown
        for names in re.findall(r"[.r]\[([\w,-]+)\]", line)
        for extra in names.split(",")
    }
    assert {"demo", "test"} <= targets
    assert [name for name in targets if "=" not in name and not re.search(rf"^{name}:", makefile, re.M)] == []
    assert extras <= set(project["optional-dependencies"])


def test_every_verb_is_shown() -> None:
    shown = {
        word for text in PAGES.values() for word in re.findall(r"dynaclr (\w+)", " ".join(commands(text)))
    }
    assert set(_VERBS) - shown <= {"validate"}


def test_every_example_is_run_here() -> None:
    """corrupt.py by its page and test_corrupt, train.yaml by the first page, real_recordings.py below."""
    files = {path.name for path in (ROOT / "examples").iterdir() if path.is_file()}
    assert files == {"corrupt.py", "real_recordings.py", "train.yaml"}


def test_the_experiments_are_read(tmp_path: Path) -> None:
    from dynaclr.experiment import read_experiments

    texts = [block for text in PAGES.values() for block in blocks(text, "yaml")]
    shown = [text for text in texts if "experiments" in yaml.safe_load(text)]
    assert shown
    for text in shown:
        path = tmp_path / "experiments.yaml"
        path.write_text(text, encoding="utf-8")
        assert all(config.condition_of("B/1") == "infected" for config in read_experiments(path))


@pytest.mark.filterwarnings("ignore:sampler:UserWarning")  # small data
@pytest.mark.parametrize("name", [name for name, text in PAGES.items() if blocks(text, "python")])
def test_the_python_runs(
    name: str, synthetic_source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    if '"experiments.yaml"' in PAGES[name]:
        shutil.copytree(synthetic_source.parent, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for code in blocks(PAGES[name], "python"):
        exec(compile(code, name, "exec"), names)
    if name == "README.md":
        shown = capsys.readouterr().out
        assert "torch.Size([16, 2, " in shown
        assert "dengue_june" in shown


class Terminal:
    """Runs the commands of a page; a training that is shown goes on until something ends it."""

    def __init__(self, folder: Path, loaded: Loaded, until: Callable[..., Any], stack: ExitStack) -> None:
        self.folder, self.loaded, self.until, self.stack = folder, loaded, until, stack
        self.fit: Child | None = None
        self.others: list[Child] = []

    @property
    def run(self) -> RunFolder:
        return RunFolder(max((self.folder / "runs").iterdir()))

    def step(self, known: set[Path]) -> int:
        """Return how far the newest run is that is not known yet."""
        new = set(self.folder.glob("runs/*")) - known
        return int(read_status(RunFolder(max(new))).get("step", 0)) if new else 0

    def start(self, *arguments: str) -> Child:
        return self.stack.enter_context(self.loaded.running(self.folder, *arguments))

    def do(self, line: str) -> None:
        if "<" in line:
            line = line.replace("<stamp>-<name>", self.run.path.name)
        program, *words = shlex.split(line)
        if re.match(SETS_UP, line) or program == "make":
            return
        if "hela" in line.lower() and not (self.folder / RECORDING).exists():
            return
        if program == "touch":
            (self.folder / words[0]).touch()
            self.end()
        elif words[0].endswith(".py") or (words[0] == "-m" and words[1] != "dynaclr"):
            self.end()
            done = subprocess.run([sys.executable, *words], cwd=self.folder, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
        else:
            self.dynaclr(*(words[2:] if words[:2] == ["-m", "dynaclr"] else words))

    def dynaclr(self, verb: str, *options: str) -> None:
        if not options or (verb in MINUTES and "tiny" not in options) or "--help" in options:
            done = self.loaded.run(self.folder, verb, "--help")
            assert done.returncode == 0, done.stderr
            assert all(word.split("=")[0] in done.stdout for word in options if word.startswith("--"))
        elif verb == "watch":
            self.others.append(self.start(verb, *options))
        elif verb == "fit":
            self.end()
            resumed = "--run.resume" in options
            known, before = (set(), self.step(set())) if resumed else (set(self.folder.glob("runs/*")), 0)
            self.fit = child = self.start(verb, *options, *SHORT)
            self.until(lambda: child.poll() is not None or self.step(known) > before, 200)
            assert child.poll() is None, child.errors
        else:
            self.end()
            done = self.loaded.run(self.folder, verb, *options)
            assert done.returncode == 0, done.stderr

    def python(self, code: str) -> None:
        done = self.loaded.run(self.folder, code=code)
        assert done.returncode == 0, done.stderr

    def end(self) -> None:
        """Stop what trains and wait for all that watches it."""
        if self.fit is not None:
            self.run.stop.touch()
            assert self.fit.wait() == ExitCode.STOPPED, self.fit.errors
        assert [child.wait() for child in self.others] == [0] * len(self.others)
        self.fit, self.others = None, []


@pytest.fixture
def page_folder(synthetic_source: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """What pages say that a reader has."""
    shutil.copytree(synthetic_source.parent, tmp_path, dirs_exist_ok=True)
    shutil.copy(ROOT / "examples" / "train.yaml", tmp_path)
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    write_stacks(tmp_path, blocks(PAGES["README.md"], "csv")[0])
    write_frames(tmp_path / "frames")
    for name in FILES:  # what is generated in a checkout
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    with suppress(pytest.skip.Exception):  # where no recordings are expected
        (tmp_path / RECORDING).symlink_to(request.getfixturevalue("shared_data") / "hela")
    return tmp_path


@pytest.mark.docs
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", WITH_COMMANDS)
def test_the_commands_run(name: str, page_folder: Path, loaded: Loaded, until: Callable[..., Any]) -> None:
    with ExitStack() as stack:
        terminal = Terminal(page_folder, loaded, until, stack)
        for code in blocks(PAGES[name], "python"):
            terminal.python(code)
        for line in commands(PAGES[name]):
            terminal.do(line)
        terminal.end()
        for code in blocks(PAGES[name], "py"):  # code that begins where the commands have ended
            shutil.copy(terminal.run.path / "embedding.parquet", page_folder)
            terminal.python(code)


@pytest.mark.slow
def test_stacks_and_tracks_give_a_batch(page_folder: Path, loaded: Loaded, until: Callable[..., Any]) -> None:
    """What a person does first: the commands of that part of README alone."""
    part = PAGES["README.md"].partition("## From TIFF stacks")[2].partition("\n## ")[0]
    shown = [line for line in commands(part) if " -m dynaclr " in line and "PLATE" not in line]
    assert [line.split()[3] for line in shown] == ["convert", "preprocess", "inspect"]
    with ExitStack() as stack:
        terminal = Terminal(page_folder, loaded, until, stack)
        for line in shown:
            terminal.do(line)
    assert {path.name for path in (page_folder / "june").iterdir()} >= {"june.zarr", "experiments.yaml"}


@pytest.mark.docs
@pytest.mark.timeout(900)
def test_real_recordings_are_measured(
    shared_data: Path, loaded: Loaded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    recording = [str(shared_data / "hela" / number) for number in ("01", "02")]
    described = ("--name", "hela", "--interval-minutes", "30", "--pixel-size-um", "0.645")
    done = loaded.run(tmp_path, "convert", "ctc", *recording, "--output", "out", *described)
    assert done.returncode == 0, done.stderr
    few = ("--steps", "2", "--seeds", "1", "--batch", "16")
    monkeypatch.setattr(sys, "argv", ["x", str(tmp_path / "out" / "experiments.yaml"), "hela", *few])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "examples" / "real_recordings.py"), run_name="__main__")
    assert ended.value.code in (0, 1)  # two steps teach nothing
    shown = capsys.readouterr().out
    assert "seed 0: loss" in shown
    assert re.search(r"untrained .*\d\.\d\d", shown), shown

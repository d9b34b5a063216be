"""Names inside a run folder, and how a folder is made; writes no events."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dynaclr.base.errors import ConfigError, RunError, listing, problem
from dynaclr.base.files import write_json_atomically

SCHEMA = 1
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,79}")


class _Inside:
    """A path inside a run folder, by its name; of the class itself it is relative."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, folder: RunFolder | None, _owner: type) -> Path:
        return Path(self.name) if folder is None else folder.path / self.name


@dataclass(frozen=True)
class RunFolder:
    """Paths of a run; all that is known of a run lies in them."""

    path: Path

    facts = _Inside("run.json")
    """Versions, command line, seed, device, data, parent."""
    config = _Inside("config.yaml")
    """All that repeats the run."""
    experiments = _Inside("experiments.yaml")
    """A copy, for the record."""
    marks = _Inside("curation.csv")
    """A copy of the marks that the run honoured, for the record."""
    status = _Inside("status.json")
    """State, step, heartbeat, reason of the end."""
    previews = _Inside("previews")
    """Folder of what the first batches were."""
    checkpoints = _Inside("checkpoints")
    """Folder of checkpoints."""
    best = _Inside("checkpoints/best.ckpt")
    """Checkpoint with the lowest monitored metric."""
    request = _Inside("request.yaml")
    """The configuration that a launcher started the run with."""
    launch = _Inside("launch.json")
    """Which process or job a launcher started, and how."""
    output = _Inside("output.txt")
    """What a launched run wrote to its terminal."""
    ended_by = _Inside("ended_by.json")
    """Who ended the run from outside, and how."""
    slurm = _Inside("slurm")
    """What a job of a cluster needs besides."""
    log = _Inside("log.txt")
    """What Python logged."""
    lock = _Inside("run.lock")
    """Who writes here."""
    stop = _Inside("stop")
    """Its presence asks for a graceful stop."""

    def events(self, rank: int = 0) -> Path:
        """events.jsonl; other ranks have files of their own, for errors."""
        return self.path / ("events.jsonl" if rank == 0 else f"events.rank{rank}.jsonl")

    def write_facts(self, facts: dict[str, Any]) -> None:
        """Write run.json."""
        write_json_atomically(self.facts, {"schema": SCHEMA, **facts})

    def read_facts(self) -> dict[str, Any]:
        """Return run.json.

        Raises
        ------
        RunError
            If it cannot be read or is of a newer schema.
        """
        try:
            content: dict[str, Any] = dict(json.loads(self.facts.read_text(encoding="utf-8")))
            newer = content.get("schema", 0) > SCHEMA
        except (OSError, ValueError, TypeError) as error:
            raise RunError(problem(f"not a run folder: {error}", file=self.facts)) from error
        if newer:
            raise RunError(
                problem(
                    "run was written by a newer version",
                    file=self.facts,
                    expected=f"schema <= {SCHEMA}",
                    found=content["schema"],
                )
            )
        return content


def is_gone(folder: Path) -> bool:
    """Return whether a folder has been deleted or moved; a disk that does not answer does not say so."""
    try:
        folder.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def folder_gone(folder: Path) -> RunError:
    """Return the error that says that the folder of a run is not there any more."""
    return RunError(problem("the run folder has been deleted or moved", file=folder))


def run_paths(root: Path, name: str) -> Iterator[Path]:
    """Yield <root>/<UTC stamp>-<name> and, for more runs in one second, the same with a number.

    Raises
    ------
    ConfigError
        If the name cannot be a file name.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(
            problem(
                "run name cannot be used",
                field="run.name",
                expected="letters, digits, '.', '_', '-'",
                found=repr(name),
            )
        )
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    for number in range(1000):
        yield root / (f"{stamp}-{name}" if not number else f"{stamp}-{name}-{number}")


def new_run_folder(root: Path, name: str) -> RunFolder:
    """Make <root>/<UTC stamp>-<name>; two runs in one second get two folders.

    Raises
    ------
    ConfigError
        If the name cannot be a file name.
    RunError
        If the folder cannot be written.
    """
    for path in run_paths(root, name):
        try:
            root.mkdir(parents=True, exist_ok=True)
            path.mkdir()
        except FileExistsError:
            continue
        except OSError as error:
            raise RunError(problem(f"run folder cannot be created: {error.strerror}", file=path)) from error
        return made_folder(path)
    raise RunError(problem("no free name for a run folder", file=root))


def made_folder(path: Path) -> RunFolder:
    """Return the run folder at a path; it and its inner folders are made where they lack.

    Raises
    ------
    RunError
        If the folder cannot be written.
    """
    folder = RunFolder(path)
    try:
        for place in (folder.previews, folder.checkpoints):
            place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(problem(f"run folder cannot be created: {error.strerror}", file=path)) from error
    return folder


def claim_folder(folder: RunFolder) -> None:
    """Check that a folder holds no run yet; what a launcher and other ranks leave in it does not matter.

    Raises
    ------
    RunError
        If there is anything else in it.
    """
    launcher = {
        item.name
        for item in (
            folder.request,
            folder.launch,
            folder.output,
            folder.log,
            folder.lock,
            folder.stop,
            folder.ended_by,
            folder.slurm,
        )
    }
    found = sorted(
        item.name
        for item in folder.path.iterdir()
        if item.name not in launcher
        and not item.name.startswith("events.rank")
        and not (item in (folder.previews, folder.checkpoints) and not any(item.iterdir()))
    )
    if found:
        raise RunError(
            problem(
                "the folder for the run is not empty",
                file=folder.path,
                field="run.folder",
                found=listing(found, 5),
                fix="Choose another folder, or resume its run with --run.resume.",
            )
        )


def open_run_folder(path: Path) -> RunFolder:
    """Return an existing run folder.

    Raises
    ------
    RunError
        If the path is none.
    """
    folder = RunFolder(path)
    folder.read_facts()
    return folder

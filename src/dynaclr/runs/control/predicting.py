"""Embeds the cells of a run in a process of its own, and draws maps of embeddings; imports no Lightning."""

from __future__ import annotations

import re
import secrets
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dynaclr.base.errors import ConfigError, RunError, problem
from dynaclr.base.files import replace_file
from dynaclr.base.paths import absolute_path
from dynaclr.embedding import (
    EMBEDDING_FILE,
    UMAP_MISSING,
    EmbeddingTable,
    Method,
    Space,
    has_umap,
    map_file,
    read_map,
)
from dynaclr.runs.control.verbs import run_verb
from dynaclr.runs.record.layout import RunFolder

Tell = Callable[[str, int, int], None]
"""Called with (step, done, all) several times a second; what it raises ends the work."""

_ONE_DEVICE = (
    "--trainer.devices=1",
    "--trainer.num_nodes=1",
    "--trainer.strategy=auto",
    "--trainer.enable_progress_bar=false",
)
_PACE = re.compile(r"embedded batch (\d+) of (\d+)")
_RESULT = re.compile(r"(\d+) observations embedded with (.+)")
_ITERATION = re.compile(r"\[t-SNE\] Iteration (\d+)")
_ITERATIONS = 1000
LOG = "predict.txt"


@dataclass(frozen=True, slots=True)
class Prediction:
    """An embedding that was made.

    Attributes
    ----------
    path
        The table.
    rows
        Its observations.
    checkpoint
        The weights that it was made with.
    """

    path: Path
    rows: int
    checkpoint: Path

    @property
    def best(self) -> bool:
        """Whether the weights are those of the best checkpoint."""
        return self.checkpoint.name == "best.ckpt"


class _Pace:
    """Tells how far a process is by what it writes."""

    def __init__(self, tell: Tell, pattern: re.Pattern[str], step: str, before: str, total: int = 0) -> None:
        self._tell, self._pattern, self._step, self._total = tell, pattern, step, total
        self._now = (before, 0, 0)

    def __call__(self, lines: list[str]) -> None:
        for line in lines:
            found = self._pattern.match(line)
            if found:
                done, *total = (int(part) for part in found.groups())
                self._now = (self._step, done, total[0] if total else self._total)
        self._tell(*self._now)


def is_current(folder: RunFolder) -> bool:
    """Whether a run has an embedding that is younger than all its checkpoints."""
    try:
        made = (folder.path / EMBEDDING_FILE).stat().st_mtime_ns
        return all(item.stat().st_mtime_ns < made for item in folder.checkpoints.glob("*.ckpt"))
    except OSError:
        return False


def predict_run(path: Path, tell: Tell, python: str = sys.executable) -> Prediction:
    """Embed every observation of a run's data with its best checkpoint, else with its newest one.

    The embedding appears in the run folder when all is written, beside predict.txt, what the process wrote
    to its terminal. Waits for the process, so call it from a worker.

    Parameters
    ----------
    path
        The run folder.
    tell
        Gets what is done; what it raises ends the process.
    python
        Interpreter that has dynaclr.

    Raises
    ------
    RunError
        If the run has no checkpoint, or the process cannot be started or fails; its last words are told.
    """
    folder = RunFolder(absolute_path(path))
    if not any(folder.checkpoints.glob("*.ckpt")):
        fix = "Resume the run, or choose another one."
        raise RunError(
            problem("the run has no checkpoint for the embedding", file=folder.checkpoints, fix=fix)
        )
    output = folder.path / f".embedding.{secrets.token_hex(8)}.parquet"  # two that come at once do not meet

    pace = _Pace(tell, _PACE, "embedding", "loading libraries, plates and weights")
    arguments = ["--from_run", str(folder.path), "--output", str(output), *_ONE_DEVICE]
    try:
        lines = run_verb("predict", arguments, folder.path / LOG, pace, folder.path.parent, python)
        rows, checkpoint = _result(lines, output, folder.path / LOG)
        replace_file(output, folder.path / EMBEDDING_FILE)
    except OSError as error:
        raise RunError(problem(f"cannot be written: {error.strerror}", file=error.filename)) from error
    finally:
        for file in (output, output.with_name(f".{output.name}.partial")):
            file.unlink(missing_ok=True)
    return Prediction(folder.path / EMBEDDING_FILE, rows, checkpoint)


def _result(lines: list[str], output: Path, log: Path) -> tuple[int, Path]:
    """Return rows and checkpoint that a prediction told at its end."""
    for line in reversed(lines):
        found = _RESULT.match(line.removesuffix(f": {output}"))
        if found and line.endswith(str(output)):
            return int(found[1]), Path(found[2])
    raise RunError(problem("predict ended without a result", file=log))


def map_embedding(
    path: Path, table: EmbeddingTable, method: Method, space: Space, tell: Tell
) -> npt.NDArray[np.float32]:
    """Return the places (N, 2) of an embedding's rows in a map, which is made if it is not there yet.

    It is made by a process of its own, which can be ended, and kept beside the embedding. Waits for the
    process, so call it from a worker.

    Parameters
    ----------
    path, table
        The file of the embedding, and what was read from it.
    method, space
        Which map of which vectors.
    tell
        Gets what is done; what it raises ends the process.

    Raises
    ------
    ConfigError
        If the method needs a package that is not installed.
    RunError
        If the process cannot be started or fails; its last words are told.
    """
    there = read_map(map_file(path, method, space), table.vectors(space))
    if there is not None:
        return there
    if method is Method.UMAP and not has_umap():
        raise ConfigError(UMAP_MISSING)
    arguments = [str(path), "--method", method.value, "--of", space.value]
    pace = _Pace(tell, _ITERATION, "iterations", "loading libraries, finding neighbors", _ITERATIONS)
    with tempfile.TemporaryDirectory(prefix="dynaclr-map-") as place:
        run_verb("map", arguments, Path(place) / "map.txt", pace)
    made = read_map(map_file(path, method, space), table.vectors(space))
    if made is None:
        raise RunError(problem("the embedding changed while its map was computed", file=path))
    return made

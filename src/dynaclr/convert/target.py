"""Where one converted experiment goes: plate, tracks and experiments.yaml appear together or not at all.

Knows no format that is read.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from dynaclr.base.errors import DataError, listing, problem
from dynaclr.base.files import unfinished, write_bytes_atomically
from dynaclr.convert.experiments_file import with_entry
from dynaclr.convert.read_back import read_back
from dynaclr.experiment import ExperimentConfig, read_experiments
from dynaclr.images import PlateWriter
from dynaclr.tracks import write_tracks


class Target:
    """One experiment of a folder: <output>/<name>.zarr, <name>.tracks, and its entry in experiments.yaml.

    Parameters
    ----------
    output
        Folder; made when writing begins if need be.
    entry
        Fields of the experiment; "data_path" and "tracks_path" are added.
    overwrite
        Whether plate, tracks and entry of that name may be replaced.

    Raises
    ------
    ConfigError
        If a name or number cannot be used.
    DataError
        If the target is there already and may not be replaced, or its entry cannot be written.
    """

    def __init__(self, output: Path, entry: dict[str, Any], overwrite: bool = False) -> None:
        name = entry["name"]
        self.output, self.overwrite = output, overwrite
        self.entry = {"name": name, "data_path": f"{name}.zarr", "tracks_path": f"{name}.tracks", **entry}
        config = ExperimentConfig(**self.entry)  # names and numbers are checked before anything is written
        self.plate, self.tracks = output / f"{name}.zarr", output / f"{name}.tracks"
        self.experiments_yaml = output / "experiments.yaml"
        self._check(config)
        with_entry(self.experiments_yaml, self.entry)  # refused now rather than after the work

    def _check(self, config: ExperimentConfig) -> None:
        for path in (self.plate, self.tracks):
            if path.exists() and not self.overwrite:
                fix = "Choose another name, or allow it to be overwritten."
                raise DataError(problem("target exists", file=path, fix=fix))
        if not self.experiments_yaml.exists():
            return
        others = read_experiments(self.experiments_yaml)
        same = [other.name for other in others if other.name.lower() == config.name.lower()]
        if same and not (self.overwrite and config.name in same):
            what = f"experiment '{config.name}' is listed already"
            fix = "Choose another name."
            raise DataError(problem(what, file=self.experiments_yaml, found=same[0], fix=fix))
        channels = {len(other.source_channel) for other in others if other.name != config.name}
        if channels - {len(config.source_channel)}:
            raise DataError(
                problem(
                    "experiments of one file need the same number of source channels",
                    file=self.experiments_yaml,
                    expected=listing(sorted(channels)),
                    found=f"{len(config.source_channel)} in '{config.name}'",
                    fix="Choose another folder, or as many channels.",
                )
            )

    @contextlib.contextmanager
    def writing(
        self, scale: Sequence[float], version: Literal["0.4", "0.5"]
    ) -> Iterator[tuple[PlateWriter, dict[str, Any]]]:
        """Yield a writer of the plate, and the tables of tracks by FOV to be filled.

        All is written beside the target, read back and moved into place if nothing went wrong; if it did,
        nothing is left, nor the folder if it was made here.

        Parameters
        ----------
        scale
            (T, C, Z, Y, X) units of one step: seconds, 1, micrometers.
        version
            OME-NGFF version of the plate.
        """
        channels = self.entry["channel_names"]
        with contextlib.ExitStack() as stack:
            stack.enter_context(_made(self.output))
            unfinished = stack.enter_context(_beside(self.tracks))
            options: dict[str, Any] = {"version": version, "scale": scale, "overwrite": self.overwrite}
            writer = stack.enter_context(PlateWriter(self.plate, channels, accept=read_back, **options))
            tables: dict[str, Any] = {}
            yield writer, tables
            write_tracks(unfinished, tables)
        write_bytes_atomically(self.experiments_yaml, with_entry(self.experiments_yaml, self.entry))


@contextlib.contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make a folder; take away what was made, and is empty, if something goes wrong."""
    new = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        for place in new:
            with contextlib.suppress(OSError):
                place.rmdir()
        raise


@contextlib.contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """Yield a folder that is moved to `target` if nothing went wrong, and removed if something did."""
    beside = unfinished(target)
    try:
        yield beside
        shutil.rmtree(target, ignore_errors=True)
        os.replace(beside, target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)

"""Where one converted experiment goes: plate, tracks and experiments.yaml change together or not at all.

All is written in a folder of its own, <output>/.<name>.converting, and read back there. What other programs
see is changed by one replacement of experiments.yaml. Where an experiment is overwritten its entry names, for
a moment, plate and tracks in that folder; then the old ones are taken away, the new ones get their names, and
the entry names them there. Whatever ends the process: experiments.yaml names the old experiment or the new
one, and the next conversion into the folder goes on from there.

Knows no format that is read.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from dynaclr.base.errors import DataError, listing, problem
from dynaclr.base.files import (
    read_json,
    replace_file,
    write_bytes_atomically,
    write_json_atomically,
    write_text_atomically,
)
from dynaclr.base.locking import locked
from dynaclr.base.paths import absolute_path
from dynaclr.convert.experiments_file import with_entry, with_paths
from dynaclr.convert.read_back import check_written
from dynaclr.experiment import ExperimentConfig, read_experiments
from dynaclr.images import PlateWriter
from dynaclr.tracks import write_tracks
from dynaclr.tracks.writing import TRACK_FILE

_CONVERTING = ".converting"
_DECIDED = "decided.json"  # the entry of an experiment that is whole and shall be there
_BEFORE = "experiments.yaml"  # as it was before
_SOURCE = "source.txt"  # what an interrupted conversion was made of


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
    source
        What the experiment is made of, as a text: a conversion of the same that was interrupted goes on
        where it was. None to begin anew.

    Attributes
    ----------
    notes
        What an earlier conversion had left in the folder, and what became of it.

    Raises
    ------
    ConfigError
        If a name or number cannot be used.
    DataError
        If the target is there already and may not be replaced, or its entry cannot be written.
    """

    def __init__(
        self,
        output: str | Path,
        entry: dict[str, Any],
        overwrite: bool = False,
        source: str | None = None,
    ) -> None:
        name = entry["name"]
        self.output, self.overwrite, self._source = absolute_path(output), overwrite, source
        self.entry = {"name": name, "data_path": f"{name}.zarr", "tracks_path": f"{name}.tracks", **entry}
        self._config = ExperimentConfig(**self.entry)  # checked before anything is written
        self.plate, self.tracks = self.output / f"{name}.zarr", self.output / f"{name}.tracks"
        self.experiments_yaml = self.output / "experiments.yaml"
        self._folder = self.output / f".{name}{_CONVERTING}"
        self.notes: list[str] = []
        for folder in sorted(self.output.glob(f".*{_CONVERTING}")):
            self._tell_left(folder)
        self._check()
        with_entry(self.experiments_yaml, self.entry)  # refused now rather than after the work

    def _check(self) -> None:
        config = self._config
        for path in (self.plate, self.tracks):
            if path.exists() and not self.overwrite:
                fix = " ".join([*self.notes, "Choose another name, or allow it to be overwritten."])
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
        self,
        scale: Sequence[float],
        version: Literal["0.4", "0.5"],
        verifying: Callable[[int, int], None] | None = None,
    ) -> Iterator[tuple[PlateWriter, dict[str, Any]]]:
        """Yield a writer of the plate, and the tables of tracks by FOV to be filled.

        What was written is read back, and put in place if nothing went wrong; if it did, nothing is left,
        nor the folder if it was made here. If it was interrupted, what is written stays for the next one.

        Parameters
        ----------
        scale
            (T, C, Z, Y, X) units of one step: seconds, 1, micrometers.
        version
            OME-NGFF version of the plate.
        verifying
            Called with (frames read back, frames in all).
        """
        channels, folder = self.entry["channel_names"], self._folder
        with _made(self.output), locked(self.plate, what="experiment"):
            self._check()
            self._begin()
            try:
                plate, tracks = folder / self.plate.name, folder / self.tracks.name
                writer = PlateWriter(
                    plate, channels, version=version, scale=scale, growing=folder / "growing", overwrite=True
                )
                tables: dict[str, Any] = {}
                with writer:
                    yield writer, tables
                tracks.mkdir(exist_ok=True)
                write_tracks(tracks, tables)
                check_written(self._entry_at(plate, tracks), writer.checksums, verifying)
            except Exception:
                shutil.rmtree(folder, ignore_errors=True)
                raise
            except BaseException:
                if self._source is None:
                    shutil.rmtree(folder, ignore_errors=True)
                raise
            self._decide()
            _put_in_place(folder)

    def _begin(self) -> None:
        """Make the folder to write in; what an interrupted conversion of something else left is cleared."""
        source = self._folder / _SOURCE
        if self._source is not None and source.exists() and source.read_text("utf-8") == self._source:
            return
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()
        if self._source is not None:
            write_text_atomically(source, self._source)

    def _entry_at(self, plate: Path, tracks: Path) -> ExperimentConfig:
        return ExperimentConfig(**{**self.entry, "data_path": plate, "tracks_path": tracks})

    def _decide(self) -> None:
        """Write down that the new experiment is whole; from here on it is put in place by whoever comes."""
        listed = self.experiments_yaml.exists()
        if listed:
            write_bytes_atomically(self._folder / _BEFORE, self.experiments_yaml.read_bytes())
        if hasattr(os, "sync"):
            os.sync()  # the disk has the new pixels before it loses the old ones
        names = [one.name for one in read_experiments(self.experiments_yaml)] if listed else []
        free = not (self.plate.exists() or self.tracks.exists() or self.entry["name"] in names)
        write_json_atomically(self._folder / _DECIDED, {"entry": self.entry, "free": free})

    def _tell_left(self, folder: Path) -> None:
        """Finish what an ended conversion had decided; tell of one that was still writing."""
        name = folder.name[1 : -len(_CONVERTING)]
        try:
            with locked(self.output / f"{name}.zarr", 0.0):
                if (folder / _DECIDED).exists():
                    _put_in_place(folder)
                    what = "was ended while it put its files in place; they are there now."
                elif folder != self._folder:
                    what = f"was interrupted; repeat it to go on, or remove {folder}."
                elif self._source is not None:
                    what = (
                        "was interrupted; of the same files and options it goes on, of others it is cleared."
                    )
                else:
                    what = "was interrupted; what it had written is cleared."
        except DataError:
            return  # it is being written
        self.notes.append(f"An earlier conversion to '{name}' {what}")


def finish_tracks(root: Path) -> list[str]:
    """Put in place what an ended conversion of tracks had decided, or clear it; return what was found."""
    folder = root / _CONVERTING
    if not folder.exists():
        return []
    with locked(root, what="tracks"):
        if (folder / _DECIDED).exists():
            _put_tracks(root)
            return ["An earlier conversion was ended while it put its files in place; they are there now."]
        shutil.rmtree(folder, ignore_errors=True)
    return ["An earlier conversion was interrupted; what it had written is cleared."]


def replace_tracks(root: Path, tables: Mapping[str, Any]) -> None:
    """Write track files of a folder that may have some.

    A field of view has its old tracks or its new ones, whatever ends the process; what is decided and not in
    place yet, `finish_tracks` puts there.

    Parameters
    ----------
    root
        Folder; made if need be.
    tables
        {FOV: table}.
    """
    folder = root / _CONVERTING
    root.parent.mkdir(parents=True, exist_ok=True)
    with locked(root, what="tracks"):
        shutil.rmtree(folder, ignore_errors=True)
        try:
            write_tracks(folder, tables)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        write_json_atomically(folder / _DECIDED, {"fovs": list(tables)})
        _put_tracks(root)


def _put_tracks(root: Path) -> None:
    folder = root / _CONVERTING
    for fov in read_json(folder / _DECIDED)["fovs"]:
        new = folder / fov / TRACK_FILE
        if new.exists():
            (root / fov).mkdir(parents=True, exist_ok=True)
            replace_file(new, root / fov / TRACK_FILE)
    (folder / _DECIDED).unlink()
    shutil.rmtree(folder, ignore_errors=True)


def _put_in_place(folder: Path) -> None:
    """Put the experiment that was written in a folder in its place; may be ended and begun again anywhere."""
    decided, yaml = read_json(folder / _DECIDED), folder.parent / "experiments.yaml"
    entry = decided["entry"]
    names = {field: entry[field] for field in ("data_path", "tracks_path")}
    with locked(yaml, math.inf):
        if decided["free"]:
            for name in names.values():
                if (folder / name).exists():
                    os.replace(folder / name, folder.parent / name)
            _write(yaml, with_entry(yaml, entry), folder)
        else:
            before = folder / _BEFORE
            meanwhile = with_paths(
                before, entry, {field: f"{folder.name}/{name}" for field, name in names.items()}
            )
            _write(yaml, meanwhile, folder)
            for name in names.values():
                _take_place(folder / name, folder.parent / name)
            known = yaml.read_bytes() == meanwhile  # else somebody has changed it, and that stays
            _write(yaml, with_entry(before if known else yaml, entry), folder)
        (folder / _DECIDED).unlink()
    shutil.rmtree(folder, ignore_errors=True)


def _write(yaml: Path, content: bytes, folder: Path) -> None:
    """Replace experiments.yaml by a file that is written in the folder, and cleared with it."""
    new = folder / "next.yaml"
    write_bytes_atomically(new, content)
    if yaml.exists():
        shutil.copymode(yaml, new)
    replace_file(new, yaml)


def _take_place(source: Path, target: Path) -> None:
    """Put the files of a folder where another folder is, and keep their names here until it is done."""
    second = source.with_name(f"second.{source.name}")
    shutil.rmtree(second, ignore_errors=True)
    shutil.copytree(source, second, copy_function=_linked)
    shutil.rmtree(target, ignore_errors=True)
    os.replace(second, target)


def _linked(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without links
        shutil.copy2(source, target)


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

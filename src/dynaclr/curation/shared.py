"""Marks in a file that several windows change: saved at every change, never over another's; no GUI."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from dynaclr.atomic import write_text_atomically
from dynaclr.curation.files import mark_lines, marks_of_text, text_of
from dynaclr.curation.history import Action, History
from dynaclr.curation.locking import locked
from dynaclr.curation.marks import Identity, Mark
from dynaclr.errors import DataError, problem

__all__ = ("SharedMarks",)

_Stamp = tuple[int, int, int]
_HEADER = mark_lines(())[0]


class SharedMarks:
    """The marks of a file with undo and redo.

    Before every change it is seen whether the file is another one than that last read or written;
    if so, its marks are taken over first. What is kept here is what is on disk, always.

    Parameters
    ----------
    path
        The file; none means no marks yet.

    Raises
    ------
    ConfigError, DataError
        If the file cannot be read; it is left as it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines: dict[int, tuple[Mark, str]] = {}  # by identity of the object
        self._on_disk: dict[str, Mark] = {}
        self._seen = self._stamp()
        if self._seen is not None:
            self._on_disk = self._read()
        self._history = History(self._on_disk.values(), self._save)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """All marks, oldest first."""
        return self._history.marks

    @property
    def by_identity(self) -> Mapping[Identity, Mark]:
        """All marks by (subject, author)."""
        return self._history.by_identity

    @property
    def to_undo(self) -> Action | None:
        """What `undo` would do."""
        return self._history.to_undo

    @property
    def to_redo(self) -> Action | None:
        """What `redo` would do."""
        return self._history.to_redo

    def do(self, action: Action) -> None:
        """Do an action and save.

        Raises
        ------
        ConfigError, DataError
            If the file cannot be read or written; nothing is changed then.
        """
        self._change(lambda: self._history.do(action))

    def undo(self) -> None:
        """Take back the last change and save, with the errors of `do`."""
        self._change(lambda: self._history.undo())

    def redo(self) -> None:
        """Do again what was undone last and save, with the errors of `do`."""
        self._change(lambda: self._history.redo())

    def _change(self, change: Callable[[], object]) -> None:
        with locked(self.path):
            self.refresh()
            try:
                change()
            except OSError as error:
                raise DataError(
                    problem(f"marks cannot be saved: {error.strerror or error}", file=self.path)
                ) from error

    def refresh(self) -> bool:
        """Take over what another window or person wrote; return whether there was anything.

        A file that is gone changes nothing: the next change writes it anew.

        Raises
        ------
        ConfigError, DataError
            If the file cannot be read; what is known stays.
        """
        stamp = self._stamp()
        if stamp is None or stamp == self._seen:
            return False
        before, now = self._on_disk, self._read()
        removed = [mark for line, mark in before.items() if line not in now]
        added = [mark for line, mark in now.items() if line not in before]
        written_otherwise = set(removed).intersection(added)
        self._history.refresh(
            [mark for mark in added if mark not in written_otherwise],
            [mark for mark in removed if mark not in written_otherwise],
        )
        self._on_disk, self._seen = now, stamp
        return True

    def _read(self) -> dict[str, Mark]:
        """Return {line: mark} of the file; lines that are known already are not parsed again."""
        text = text_of(self.path)
        lines = [line for line in text.split("\n") if line.strip()]
        new = [line for line in lines if line not in self._on_disk]
        single = lines[:1] == [_HEADER.rstrip()] and not any(line.count('"') % 2 for line in new)
        if not single:
            return dict(self._with_lines(marks_of_text(text, self.path)))
        try:
            marks = marks_of_text("\n".join(new), self.path)
        except DataError:
            marks = []
        if len(marks) != len(new) - 1:  # read as a whole, errors name the right lines
            return dict(self._with_lines(marks_of_text(text, self.path)))
        known = {line: self._on_disk[line] for line in lines if line in self._on_disk}
        result = {**known, **dict(zip(new[1:], marks, strict=True))}
        self._lines = {id(mark): (mark, line) for line, mark in result.items()}
        return result

    def _save(self, marks: tuple[Mark, ...]) -> None:
        lines = self._with_lines(marks)
        write_text_atomically(self.path, "".join([_HEADER, *(f"{line}\n" for line, _ in lines)]))
        self._on_disk, self._seen = dict(lines), self._stamp()

    def _with_lines(self, marks: Iterable[Mark]) -> list[tuple[str, Mark]]:
        """Return marks with their lines without line ends; each line is made once."""
        before, self._lines = self._lines, {}
        result = []
        for mark in marks:
            entry = before.get(id(mark)) or (mark, mark_lines((mark,))[1].removesuffix("\n"))
            self._lines[id(mark)] = entry
            result.append((entry[1], mark))
        return result

    def _stamp(self) -> _Stamp | None:
        try:
            state = self.path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DataError(problem(f"marks cannot be read: {error.strerror}", file=self.path)) from error
        return (state.st_mtime_ns, state.st_size, state.st_ino)

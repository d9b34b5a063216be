"""Marks in a file that several windows change: saved at every change, never over another's; no GUI."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dynaclr.base.errors import DataError, problem
from dynaclr.base.files import write_text_atomically
from dynaclr.base.locking import locked
from dynaclr.curation.files import mark_lines, marks_of_text, text_of
from dynaclr.curation.history import Action, History
from dynaclr.curation.marks import Identity, Mark

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
        self._lines = _Lines()
        self._written: tuple[Sequence[str], Sequence[Mark]] = ((), ())
        self._seen = self._stamp()
        marks = {} if self._seen is None else self._read({})
        self._written = (list(marks), list(marks.values()))
        self._history = History(marks.values(), self._save)

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
        with locked(self.path, what="marks"):
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
        before = dict(zip(*self._written, strict=True))
        now = self._read(before)
        removed = [mark for line, mark in before.items() if line not in now]
        added = [mark for line, mark in now.items() if line not in before]
        written_otherwise = set(removed).intersection(added)
        self._history.refresh(
            [mark for mark in added if mark not in written_otherwise],
            [mark for mark in removed if mark not in written_otherwise],
        )
        self._written, self._seen = (list(now), list(now.values())), stamp
        return True

    def _read(self, before: Mapping[str, Mark]) -> dict[str, Mark]:
        """Return {line: mark} of the file; lines that were there before are not parsed again."""
        text = text_of(self.path)
        lines = [line for line in text.split("\n") if line.strip()]
        new = [line for line in lines if line not in before]
        single = lines[:1] == [_HEADER.rstrip()] and not any(line.count('"') % 2 for line in new)
        if not single:
            return self._whole(text)
        try:
            marks = marks_of_text("\n".join(new), self.path)
        except DataError:
            marks = []
        if len(marks) != len(new) - 1:  # read as a whole, errors name the right lines
            return self._whole(text)
        known = {line: before[line] for line in lines if line in before}
        result = {**known, **dict(zip(new[1:], marks, strict=True))}
        self._lines.keep(result)
        return result

    def _whole(self, text: str) -> dict[str, Mark]:
        marks = marks_of_text(text, self.path)
        return dict(zip(self._lines.of(marks), marks, strict=True))

    def _save(self, marks: tuple[Mark, ...]) -> None:
        lines = self._lines.of(marks)
        write_text_atomically(self.path, "\n".join([_HEADER.rstrip(), *lines, ""]))
        self._written, self._seen = (lines, marks), self._stamp()

    def _stamp(self) -> _Stamp | None:
        try:
            state = self.path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DataError(problem(f"marks cannot be read: {error.strerror}", file=self.path)) from error
        return (state.st_mtime_ns, state.st_size, state.st_ino)


class _Lines:
    """Lines of marks without line ends, made once for each mark."""

    def __init__(self) -> None:
        self._of: dict[int, str] = {}
        self._alive: dict[int, Mark] = {}  # so that no other mark gets the number

    def keep(self, known: Mapping[str, Mark]) -> None:
        """Take over lines that are known."""
        self._of = {id(mark): line for line, mark in known.items()}
        self._alive = {id(mark): mark for mark in known.values()}

    def of(self, marks: Sequence[Mark]) -> list[str]:
        """Return the lines of marks."""
        if len(self._of) > 2 * len(marks) + 1000:
            self._of, self._alive = {}, {}
        numbers = list(map(id, marks))
        for number, mark in zip(numbers, marks, strict=True):
            if number not in self._of:
                self._of[number] = mark_lines((mark,))[1].removesuffix("\n")
                self._alive[number] = mark
        return [self._of[number] for number in numbers]

"""Questions on a terminal about what a source of tracks leaves open."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from dynaclr.base.errors import ConfigError, problem

if TYPE_CHECKING:
    from dynaclr.convert import Question


def asker() -> Callable[[Question], str] | None:
    """Return what asks a person; None where nobody is there, and options have to answer."""
    return _ask if sys.stdin.isatty() else None


def _ask(question: Question) -> str:
    """Ask until there is an answer; Return takes the likely one where the guess is only to be confirmed."""
    confirm = not question.open
    lines = [question.text[0].upper() + question.text[1:] + "."]
    if confirm:
        lines.append("Return if that is right, else NAME=COLUMN[,NAME=COLUMN ...]: ")
    else:
        lines += [f"  {answer:<10} {means}" for answer, means in question.choices.items()]
        lines.append(f"Which one ({'/'.join(question.choices)})? ")
    while True:
        sys.stderr.write("\n".join(lines))
        sys.stderr.flush()
        line = sys.stdin.readline()
        answer = line.strip()
        if not line:
            raise ConfigError(problem(question.text, field=question.field, fix=question.fix))
        if confirm and not answer and question.likely is not None:
            return question.likely
        if answer in question.choices or (confirm and "=" in answer):
            return answer

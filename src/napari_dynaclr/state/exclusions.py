"""What marks exclude now, compared with before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dynaclr.curation import Identity, Mark, Subject, Verdict


def changed_exclusions(
    now: Mapping[Identity, Mark], before: Mapping[Identity, Mark], authors: Iterable[str]
) -> int:
    """Return how many things are excluded now but were not before, or the other way round.

    Parameters
    ----------
    now, before
        Marks by (subject, author). A thing is excluded if the latest verdict on it, whoever gave it, says so.
    authors
        Everybody who has marked now.
    """
    changed = {subject for subject, _ in _differing(now, before)}
    if not changed:
        return 0
    everybody = {author for _, author in before} | set(authors)
    return sum(
        _excluded(now, subject, everybody) != _excluded(before, subject, everybody) for subject in changed
    )


def _differing(now: Mapping[Identity, Mark], before: Mapping[Identity, Mark]) -> list[Identity]:
    """Return the (subject, author) of marks that are not the same in both."""
    both = zip(now, now.values(), map(before.get, now), strict=True)
    names = [name for name, mark, old in both if old is not mark and old != mark]
    names += [name for name in before if name not in now]
    return names


def _excluded(marks: Mapping[Identity, Mark], subject: Subject, authors: Iterable[str]) -> bool:
    """Return whether the latest verdict on a subject excludes it."""
    found = [mark for author in authors if (mark := marks.get((subject, author))) is not None]
    return bool(found) and max(found, key=lambda mark: mark.time).verdict is Verdict.EXCLUDE

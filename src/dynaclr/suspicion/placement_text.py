"""What a person is told of tables that do not belong to their images: what it is, what to do, how sure."""

from __future__ import annotations

from collections.abc import Sequence

from dynaclr.base.errors import listing
from dynaclr.suspicion.judging import FovVerdict
from dynaclr.suspicion.meanings import AS_GIVEN

_CLEAR_CONTRAST, _CLEAR_AGREEMENT = 0.2, 0.3


def placement_reasons(verdicts: Sequence[FovVerdict], names: Sequence[str]) -> dict[int, str]:
    """Return a sentence for each field of view that does not fit: {its number: sentence}.

    Parameters
    ----------
    verdicts
        What `judge_fovs` found.
    names
        Names of the same fields of view.
    """
    wrong = {number: verdict for number, verdict in enumerate(verdicts) if not verdict.fits}
    reasons = {}
    for number, verdict in wrong.items():
        best, evidence = verdict.best, _evidence(verdict)
        if best == AS_GIVEN:
            reasons[number] = f"centroids do not lie on cells: compare table and image ({evidence})"
            continue
        other = best.table_of
        if other is not None and other in wrong and wrong[other].best.table_of == number:
            one, two = sorted((names[number], names[other]))
            what = f"tables of {one} and {two} look swapped: swap these two track files"
            reasons[number] = f"{what} ({evidence}; {best.name})"
            continue
        reasons[number] = f"{best.name}: {best.fix} ({evidence})"
    return reasons


def _evidence(verdict: FovVerdict) -> str:
    """Return the numbers before and after."""
    if verdict.best_agreement > verdict.agreement:
        before, after = (f"{value:.2f}" for value in (verdict.agreement, verdict.best_agreement))
        return f"correlation of steps in images and tracks {before}, {after} after that"
    given = round(verdict.contrast, 2) + 0.0  # never "-0.00"
    text = f"image contrast at the centroids {given:.2f}"
    after = f", {verdict.best_contrast:.2f} after that" if verdict.best != AS_GIVEN else ""
    return f"{text}, typical {verdict.usual:.2f}{after}"


def placement_lines(
    experiment: str, verdicts: Sequence[FovVerdict], names: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Return what a report says of an experiment: a line for each error, and if none how well its tables fit.

    Parameters
    ----------
    experiment
        Its name.
    verdicts, names
        As in `placement_reasons`.
    """
    reasons = placement_reasons(verdicts, names)
    alike: dict[str, list[int]] = {}
    for number in reasons:
        best = verdicts[number].best
        alike.setdefault(best.name if best.table_of is None else reasons[number], []).append(number)
    lines = []
    for numbers in alike.values():
        where = listing((names[number] for number in numbers), 5)
        count = f"{len(numbers)} of {len(names)} FOVs ({where})"
        lines.append(f"{experiment}: {reasons[numbers[0]]}, in {count}")
    judged = [verdict for verdict in verdicts if verdict.tracks]
    if lines or not judged:
        return lines, []
    contrast, agreement = (
        max(getattr(verdict, name) for verdict in judged) for name in ("contrast", "agreement")
    )
    evidence = f"image contrast at the centroids {contrast:.2f}, correlation of steps {agreement:.2f}"
    if contrast < _CLEAR_CONTRAST and agreement < _CLEAR_AGREEMENT:
        return [], [f"{experiment}: cannot be told, the images show too little at the centroids ({evidence})"]
    limits = "" if agreement >= _CLEAR_AGREEMENT else "; wrong frames cannot be told"
    count = f"{len(judged)} FOV{'s' if len(judged) > 1 else ''}"
    return [], [f"{experiment}: no error found in {count} ({evidence}{limits})"]

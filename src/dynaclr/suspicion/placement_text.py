"""What a reviewer is told of a field of view whose centroids do not fit: what it is, what to do, how sure."""

from __future__ import annotations

from collections.abc import Sequence

from dynaclr.suspicion.judging import AS_GIVEN, FovVerdict


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
        best = verdict.best
        given = round(verdict.contrast, 2) + 0.0  # never "-0.00"
        contrast = f"image contrast at the centroids {given:.2f}, typical {verdict.usual:.2f}"
        if best == AS_GIVEN:
            reasons[number] = f"centroids do not lie on cells: compare table and image ({contrast})"
            continue
        other = best.table_of
        if other is not None and other in wrong and wrong[other].best.table_of == number:
            one, two = sorted((names[number], names[other]))
            what = f"tables of {one} and {two} look swapped: swap these two track files"
            reasons[number] = f"{what} ({contrast}; {best.name}, {verdict.best_contrast:.2f})"
            continue
        better = verdict.best_contrast > verdict.contrast  # not if only the frames are wrong
        evidence = f" ({contrast}; {verdict.best_contrast:.2f} after that)" if better else ""
        reasons[number] = f"{best.name}: {best.fix}{evidence}"
    return reasons

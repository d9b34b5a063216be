"""What a reviewer is told of a field of view whose centroids do not fit: what it is, what to do, how sure."""

from __future__ import annotations

from collections.abc import Sequence

from dynaclr.suspicion.judging import AS_GIVEN, FovVerdict

__all__ = ("placement_reasons",)

_WHAT_TO_DO = (
    ("y and x are exchanged", "exchange these columns"),
    ("centroids are micrometres", "divide y and x by {um:.4g}"),
    ("centroids were multiplied", "divide y and x by {square:.4g}"),
    ("centroids are of an image of half", "multiply y and x by 2"),
    ("centroids are of an image of twice", "divide y and x by 2"),
    ("centroids are shifted", "subtract that from y and x"),
    ("frames are counted from 1", "subtract 1 from t"),
    ("frames are one too small", "add 1 to t"),
    ("the table of", "put the right track file here"),
)


def placement_reasons(
    verdicts: Sequence[FovVerdict], names: Sequence[str], pixel_um: Sequence[float]
) -> dict[int, str]:
    """Return a sentence for each field of view that does not fit: {its number: sentence}.

    Parameters
    ----------
    verdicts
        What `judge_fovs` found.
    names
        Names of the same fields of view.
    pixel_um
        Size of a pixel of each, micrometres.
    """
    best = {number: verdict.best for number, verdict in enumerate(verdicts) if not verdict.fits}
    reasons = {}
    for number, name in best.items():
        verdict = verdicts[number]
        given = round(verdict.contrast, 2) + 0.0  # never "-0.00"
        contrast = f"image contrast at the centroids {given:.2f}, usual is {verdict.usual:.2f}"
        if name == AS_GIVEN:
            reasons[number] = f"centroids do not lie on cells: compare table and image ({contrast})"
            continue
        partner = _partner(number, best, names)
        if partner is not None:
            one, two = sorted((names[number], names[partner]))
            what = f"tables of {one} and {two} look exchanged: exchange these two track files"
            reasons[number] = f"{what} ({contrast}; {name}, {verdict.best_contrast:.2f})"
            continue
        do = next(do for start, do in _WHAT_TO_DO if name.startswith(start))
        do = do.format(um=pixel_um[number], square=pixel_um[number] ** 2)
        evidence = (
            "" if name.startswith("frames") else f" ({contrast}; {verdict.best_contrast:.2f} after that)"
        )
        reasons[number] = f"{name}: {do}{evidence}"
    return reasons


def _partner(number: int, best: dict[int, str], names: Sequence[str]) -> int | None:
    """Return the field of view whose table fits here while this one's fits there."""
    fits = (f"the table of {names[number]} fits", best[number])
    return next((o for o, name in best.items() if (name, f"the table of {names[o]} fits") == fits), None)

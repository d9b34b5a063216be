"""What the numbers in a table of tracks may mean instead, and what to do about it; judges nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from dynaclr.suspicion.placement import Move
from dynaclr.suspicion.view import FovView, Points

_CONVERT = "`python -m dynaclr convert tracks`"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What may be wrong with a table.

    Attributes
    ----------
    name
        What it is.
    fix
        What to do about it.
    table_of
        Number of the FOV whose table it is, if it is another's.
    """

    name: str
    fix: str = ""
    table_of: int | None = None


AS_GIVEN = Explanation("as given")


def meanings(view: FovView) -> dict[Explanation, Points]:
    """Return explanations and the centroids as they would be meant; the first is `AS_GIVEN`."""
    points, um = view.points, view.pixel_um
    y, x = points.y, points.x
    low, right = (size - 1 for size in view.image_yx)
    turned = {
        ("y and x are swapped", "swap these columns"): (x, y),
        ("y is flipped", f"replace y by {low} - y"): (low - y, x),
        ("x is flipped", f"replace x by {right} - x"): (y, right - x),
        ("y and x are flipped", f"replace y by {low} - y and x by {right} - x"): (low - y, right - x),
        ("tracks are turned by 90 degrees", f"replace (y, x) by ({low} - x, y)"): (low - x, y),
        ("tracks are turned by -90 degrees", f"replace (y, x) by (x, {right} - y)"): (x, right - y),
        ("y and x are swapped and flipped", f"replace (y, x) by ({low} - x, {right} - y)"): (
            low - x,
            right - y,
        ),
    }
    scaled: dict[tuple[str, str], float] = {}
    if not 0.95 < um < 1.05:
        fix = f"divide y and x by {um:.4g} ({_CONVERT} does with --pixel-size-um {um:.4g})"
        scaled["centroids are in micrometers, not pixels", fix] = 1 / um
        twice = "centroids were multiplied by the pixel size twice"
        scaled[twice, f"divide y and x by {um**2:.4g}"] = 1 / um**2
    scaled["centroids were measured in an image of half the size", "multiply y and x by 2"] = 2.0
    scaled["centroids were measured in an image of twice the size", "divide y and x by 2"] = 0.5
    found = {AS_GIVEN: points}
    for (name, fix), (new_y, new_x) in turned.items():
        found[Explanation(name, fix)] = replace(points, y=new_y, x=new_x)
    for (name, fix), factor in scaled.items():
        found[Explanation(name, fix)] = replace(points, y=y * factor, x=x * factor)
    return found


def of_move(move: Move) -> Explanation:
    """Return what a displacement of cells from their centroids means."""
    if any(move.a_frame):
        y, x = (round(-step, 2) + 0.0 for step in move.a_frame)  # never -0.0
        fix = (
            "use the images that were tracked (aligned or not), or subtract t times that from y and x"
            f"{_and_offset(move)}"
        )
        return Explanation(f"centroids drift by ({y:.2f}, {x:.2f}) px a frame", fix)
    y, x = (0.0 - start for start in move.at_zero)
    return Explanation(f"centroids are shifted by ({y:g}, {x:g}) px", "subtract that from y and x")


def _and_offset(move: Move) -> str:
    y, x = (-start for start in move.at_zero)
    return f", and ({y:.0f}, {x:.0f}) px at all frames" if max(abs(y), abs(x)) >= 5 else ""


def of_lag(frames: int) -> Explanation:
    """Return what frames mean that are too late by some number (too early if it is negative)."""
    count = abs(frames)
    number = f"{count} frame{'s' if count > 1 else ''}"
    fix = f"{'subtract' if frames > 0 else 'add'} {count} {'from' if frames > 0 else 'to'} t"
    fix += f" ({_CONVERT} does with --first-frame {frames})"
    if frames == 1:
        return Explanation("frames are 1-based: cells in the images are where tracks are 1 frame later", fix)
    side = "later" if frames > 0 else "earlier"
    return Explanation(f"cells in the images are where tracks are {number} {side}", fix)


def other_tables(names: Mapping[int, str]) -> dict[int, Explanation]:
    """Return the explanations that a FOV has the table of another, by the number of the other."""
    fix = "use the matching track file"
    return {
        number: Explanation(f"the track table of {name} fits better", fix, number)
        for number, name in names.items()
    }

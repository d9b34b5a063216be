"""Words for fields of view that do not fit: each says what it is and what to do."""

from __future__ import annotations

from dynaclr.suspicion.judging import FovVerdict
from dynaclr.suspicion.meanings import AS_GIVEN, Explanation, of_lag, of_move
from dynaclr.suspicion.placement import Move
from dynaclr.suspicion.placement_text import placement_lines, placement_reasons

NAMES = ["A/1/0", "A/1/1", "B/1/0"]
RIGHT = FovVerdict(0.4, 0.45, best_contrast=0.4, agreement=0.9, best_agreement=0.9, tracks=30)


def wrong(best: Explanation) -> FovVerdict:
    return FovVerdict(0.02, 0.45, best, 0.46, certainty=20.0, tracks=30, fits=False)


def late(frames: int) -> FovVerdict:
    return FovVerdict(0.45, 0.45, of_lag(frames), 0.45, 0.05, 0.91, 20.0, 30, fits=False)


def table_of(number: int) -> Explanation:
    return Explanation(f"the table of {NAMES[number]} fits", "use the matching track file", number)


def test_exchanged_tables_are_one_thing_and_a_foreign_one_another() -> None:
    verdicts = [wrong(table_of(2)), RIGHT, wrong(table_of(0))]
    reasons = placement_reasons(verdicts, NAMES)
    assert list(reasons) == [0, 2]
    for number, fits in ((0, "B/1/0"), (2, "A/1/0")):
        assert reasons[number] == (
            "tables of A/1/0 and B/1/0 look swapped: swap these two track files "
            "(image contrast at the centroids 0.02, typical 0.45, 0.46 after that; "
            f"the table of {fits} fits)"
        )
    verdicts[2] = RIGHT
    (alone,) = placement_reasons(verdicts, NAMES).values()
    assert alone.startswith("the table of B/1/0 fits: use the matching track file (")


def test_a_table_that_fits_a_third_place_is_not_exchanged() -> None:
    verdicts = [wrong(table_of(1)), wrong(table_of(2)), wrong(table_of(0))]
    reasons = placement_reasons(verdicts, NAMES)
    assert [text.split(":")[0] for text in reasons.values()] == [
        "the table of A/1/1 fits",
        "the table of B/1/0 fits",
        "the table of A/1/0 fits",
    ]


def test_the_numbers_are_before_and_after() -> None:
    best = Explanation("y and x are swapped", "swap these columns")
    verdict = FovVerdict(-0.004, 0.45, best, 0.46, certainty=20.0, fits=False)
    (text,) = placement_reasons([verdict], ["A"]).values()
    assert text == (
        "y and x are swapped: swap these columns "
        "(image contrast at the centroids 0.00, typical 0.45, 0.46 after that)"
    )


def test_what_nothing_explains_is_to_be_looked_at() -> None:
    (text,) = placement_reasons([wrong(AS_GIVEN)], NAMES[:1]).values()
    assert text == (
        "centroids do not lie on cells: compare table and image "
        "(image contrast at the centroids 0.02, typical 0.45)"
    )


def test_frames_are_told_with_the_agreement_of_steps() -> None:
    (text,) = placement_reasons([late(3)], NAMES[:1]).values()
    assert text == (
        "cells in the images are where tracks are 3 frames later: subtract 3 from t "
        "(`python -m dynaclr convert tracks` does with --first-frame 3) "
        "(correlation of steps in images and tracks 0.05, 0.91 after that)"
    )
    assert of_lag(-1).fix.startswith("add 1 to t")
    assert of_lag(1).name.startswith("frames are 1-based")


def test_a_drift_tells_where_it_begins() -> None:
    drift = of_move(Move((-8.0, 1.0), (-0.5, 0.0)))
    assert drift.name == "centroids drift by (0.50, 0.00) px a frame"
    assert drift.fix.endswith("and (8, -1) px at all frames")
    assert "at all frames" not in of_move(Move((2.0, 1.0), (-0.5, 0.0))).fix


def test_a_report_says_each_error_once_and_otherwise_how_well_tables_fit() -> None:
    flipped = wrong(Explanation("y is flipped", "replace y by 99 - y"))
    (line,), fits = placement_lines("hela", [flipped, flipped, RIGHT], NAMES)
    assert not fits
    assert line.startswith("hela: y is flipped: replace y by 99 - y (image contrast")
    assert line.endswith(", in 2 of 3 FOVs (A/1/0, A/1/1)")
    _, (line,) = placement_lines("hela", [RIGHT], NAMES[:1])
    assert line == (
        "hela: no error found in 1 FOV (image contrast at the centroids 0.40, correlation of steps 0.90)"
    )
    _, (line,) = placement_lines("x", [FovVerdict(0.3, 0.3, tracks=9)], NAMES[:1])
    assert "wrong frames cannot be told" in line
    _, (line,) = placement_lines("x", [FovVerdict(0.1, 0.1, tracks=9)], NAMES[:1])
    assert line.startswith("x: cannot be told")
    assert placement_lines("x", [], []) == ([], [])

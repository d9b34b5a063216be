"""Words for fields of view that do not fit: each says what it is and what to do."""

from __future__ import annotations

from dynaclr.suspicion.judging import AS_GIVEN, Explanation, FovVerdict
from dynaclr.suspicion.placement_text import placement_reasons

NAMES = ["A/1/0", "A/1/1", "B/1/0"]


def wrong(best: Explanation) -> FovVerdict:
    return FovVerdict(0.02, 0.45, best, 0.46, 20.0, False)


def table_of(number: int) -> Explanation:
    return Explanation(f"the table of {NAMES[number]} fits", "use the matching track file", number)


def test_exchanged_tables_are_one_thing_and_a_foreign_one_another() -> None:
    verdicts = [wrong(table_of(2)), FovVerdict(0.4, 0.45), wrong(table_of(0))]
    reasons = placement_reasons(verdicts, NAMES)
    assert list(reasons) == [0, 2]
    for number, fits in ((0, "B/1/0"), (2, "A/1/0")):
        assert reasons[number] == (
            "tables of A/1/0 and B/1/0 look swapped: swap these two track files "
            "(image contrast at the centroids 0.02, typical 0.45; "
            f"the table of {fits} fits, 0.46)"
        )
    verdicts[2] = FovVerdict(0.4, 0.45)
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
    (text,) = placement_reasons([FovVerdict(-0.004, 0.45, best, 0.46, 20.0, False)], ["A"]).values()
    assert text.startswith("y and x are swapped: swap these columns (")
    assert text.endswith("(image contrast at the centroids 0.00, typical 0.45; 0.46 after that)")


def test_what_nothing_explains_is_to_be_looked_at() -> None:
    (text,) = placement_reasons([wrong(AS_GIVEN)], NAMES[:1]).values()
    assert text == (
        "centroids do not lie on cells: compare table and image "
        "(image contrast at the centroids 0.02, typical 0.45)"
    )


def test_frames_are_told_without_contrast() -> None:
    best = Explanation("frames are 1-based: cells lie +0.75 steps ahead", "subtract 1 from t")
    (text,) = placement_reasons([FovVerdict(0.45, 0.45, best, 0.45, 20.0, False)], NAMES[:1]).values()
    assert text == "frames are 1-based: cells lie +0.75 steps ahead: subtract 1 from t"

"""Words for fields of view that do not fit: each says what it is and what to do."""

from __future__ import annotations

import re
from typing import Any

import pytest

from dynaclr.suspicion.judging import AS_GIVEN, FovVerdict
from dynaclr.suspicion.placement_text import placement_reasons

NAMES = ["A/1/0", "A/1/1", "B/1/0"]


def wrong(best: str, **values: Any) -> FovVerdict:
    return FovVerdict(0.02, 0.45, best, 0.46, 20.0, False, **values)


def test_exchanged_tables_are_one_thing_and_a_foreign_one_another() -> None:
    verdicts = [wrong("the table of B/1/0 fits"), FovVerdict(0.4, 0.45), wrong("the table of A/1/0 fits")]
    reasons = placement_reasons(verdicts, NAMES, [1.0] * 3)
    assert list(reasons) == [0, 2]
    for number, fits in ((0, "B/1/0"), (2, "A/1/0")):
        assert reasons[number] == (
            "tables of A/1/0 and B/1/0 look exchanged: exchange these two track files "
            "(image contrast at the centroids 0.02, usual is 0.45; "
            f"the table of {fits} fits, 0.46)"
        )
    verdicts[2] = FovVerdict(0.4, 0.45)
    (alone,) = placement_reasons(verdicts, NAMES, [1.0] * 3).values()
    assert alone.startswith("the table of B/1/0 fits: put the right track file here (")


def test_the_numbers_are_before_and_after() -> None:
    (text,) = placement_reasons(
        [FovVerdict(-0.004, 0.45, "y and x are exchanged", 0.46, 20.0, False)], ["A"], [1.0]
    ).values()
    assert text.endswith("(image contrast at the centroids 0.00, usual is 0.45; 0.46 after that)")


TOLD = [
    (AS_GIVEN, "centroids do not lie on cells: compare table and image"),
    ("y and x are exchanged", "y and x are exchanged: exchange these columns"),
    ("centroids are micrometres, not pixels", "centroids are micrometres, not pixels: divide y and x by 0.5"),
    ("centroids were multiplied by the size of a pixel twice", ".*: divide y and x by 0.25"),
    ("centroids are of an image of half the size", ".*: multiply y and x by 2"),
    ("centroids are of an image of twice the size", ".*: divide y and x by 2"),
    ("centroids are shifted by (3, 4) px", ".*: subtract that from y and x"),
    ("frames are counted from 1: cells lie +0.75 steps ahead", ".*: subtract 1 from t$"),
    ("frames are one too small: cells lie -0.75 steps ahead", ".*: add 1 to t$"),
]


@pytest.mark.parametrize(("best", "said"), TOLD)
def test_every_explanation_says_what_to_do(best: str, said: str) -> None:
    (text,) = placement_reasons([wrong(best)], NAMES[:1], [0.5]).values()
    assert re.match(said, text)

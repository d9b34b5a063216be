"""What the anchors cannot give, from numbers of rows alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dynaclr.base.errors import ConfigError
from dynaclr.sampler.axes import Axis
from dynaclr.sampler.shortages import shortages
from dynaclr.sampler.stratified import Shares

NONE = np.empty(0, dtype=np.int64)


def told(sizes: list[list[int]], **options: Any) -> dict[str, str]:
    """Tell of groups a, b, ... and strata i, u; (strata, groups)."""
    array = np.array(sizes)
    strata, groups = Axis(NONE, ("i", "u")), Axis(NONE, tuple("abc"[: array.shape[1]]))
    values = {"ratio": [1.0, 1.0], "weights": [1.0] * array.shape[1], "leaky": 0.0, "size": 20, **options}
    ratio, weights = np.array(values["ratio"]), np.array(values["weights"])
    shares = Shares(values["leaky"], 0.0, 2.0)
    return dict(shortages(array, strata, groups, ratio, weights, shares, values["size"]))


def test_enough_of_everything_is_no_news() -> None:
    assert told([[10, 100], [10, 100]]) == {}


def test_a_share_of_more_rows_than_there_are() -> None:
    text = "'a', 'i': 3 anchors for a share of 10 of a batch: anchors repeat"
    assert told([[3, 50], [100, 50]]) == {"small": text}
    assert told([[3, 50], [100, 50]], weights=[0.0, 1.0]) == {}
    assert told([[3], [100]], ratio=[1.0, 9.0]) == {}
    assert told([[8, 50], [100, 50]], leaky=0.2) == {}  # only what is not leaked is the share


def test_a_stratum_that_a_group_lacks_leaves_its_share_to_the_others() -> None:
    found = told([[0, 50], [15, 50]])
    assert found["lacks"] == "'a' has no anchor of i: the other conditions fill that share"
    assert found["small"].startswith("'a', 'u': 15 anchors for a share of 20 ")
    assert told([[0, 50], [30, 50]], ratio=[0.0, 1.0]) == {}


def test_leaking_needs_a_second_group() -> None:
    assert list(told([[50], [50]], leaky=0.5)) == ["leaky"]
    assert told([[50, 50], [50, 50]], leaky=0.5) == {}


def test_a_group_without_any_stratum_that_has_weight_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"no anchors of a condition with non-zero weight.*'i': 0, 'u': 9"):
        told([[0, 50], [9, 50]], ratio=[1.0, 0.0])

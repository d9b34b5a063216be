from __future__ import annotations

import numpy as np

from napari_dynaclr.presentation.colours import CYCLE_ON_DARK
from napari_dynaclr.state.embedding_colours import by_name, by_number


def test_numbers_go_along_the_scale_and_outliers_do_not_stretch_it() -> None:
    values = np.r_[np.linspace(0, 1, 1000), 1e6, np.nan]
    colouring = by_number(values)
    table = colouring.table(CYCLE_ON_DARK)
    assert colouring.limits is not None
    assert 0 <= colouring.limits[0] < 0.05 and 0.9 < colouring.limits[1] < 1.1
    grey = table[:-1].astype(float) @ [0.299, 0.587, 0.114]
    assert (np.diff(grey) > 0).all()
    assert (np.diff(colouring.codes[:1000].astype(int)) >= 0).all()
    assert colouring.codes[1000] == colouring.codes[999] == len(table) - 2
    assert table[colouring.codes[1001]].tolist() == [127, 127, 127]


def test_values_that_are_all_one_or_unknown_have_a_colour() -> None:
    for values in (np.ones(4), np.full(3, np.nan), np.empty(0)):
        colouring = by_number(values)
        assert (colouring.codes < len(colouring.table(CYCLE_ON_DARK))).all()


def test_names_have_colours_of_their_own_until_there_are_too_many() -> None:
    colouring = by_name(np.arange(600), ())
    table = colouring.table(CYCLE_ON_DARK)
    assert len({tuple(row) for row in table[:21].tolist()}) == 21
    assert (colouring.codes < len(table) - 1).all()
    assert table[0].tolist() == [0x56, 0xB4, 0xE9]
    few = by_name(np.array([1, 0], dtype=np.int8), ("a", "b"))
    assert (few.names, few.codes.tolist()) == (("a", "b"), [1, 0])

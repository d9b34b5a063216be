from __future__ import annotations

import numpy as np

from napari_dynaclr.presentation.colors import CYCLE_ON_DARK
from napari_dynaclr.state.embedding_colors import by_name, by_number


def test_numbers_go_along_the_scale_and_outliers_do_not_stretch_it() -> None:
    values = np.r_[np.linspace(0, 1, 1000), 1e6, np.nan]
    coloring = by_number(values)
    table = coloring.table(CYCLE_ON_DARK)
    assert coloring.limits is not None
    assert 0 <= coloring.limits[0] < 0.05 and 0.9 < coloring.limits[1] < 1.1
    gray = table[:-1].astype(float) @ [0.299, 0.587, 0.114]
    assert (np.diff(gray) > 0).all()
    assert (np.diff(coloring.codes[:1000].astype(int)) >= 0).all()
    assert coloring.codes[1000] == coloring.codes[999] == len(table) - 2
    assert table[coloring.codes[1001]].tolist() == [127, 127, 127]


def test_values_that_are_all_one_or_unknown_have_a_color() -> None:
    for values in (np.ones(4), np.full(3, np.nan), np.empty(0)):
        coloring = by_number(values)
        assert (coloring.codes < len(coloring.table(CYCLE_ON_DARK))).all()


def test_names_have_colors_of_their_own_until_there_are_too_many() -> None:
    coloring = by_name(np.arange(600), ())
    table = coloring.table(CYCLE_ON_DARK)
    assert len({tuple(row) for row in table[:21].tolist()}) == 21
    assert (coloring.codes < len(table) - 1).all()
    assert table[0].tolist() == [0x56, 0xB4, 0xE9]
    few = by_name(np.array([1, 0], dtype=np.int8), ("a", "b"))
    assert (few.names, few.codes.tolist()) == (("a", "b"), [1, 0])

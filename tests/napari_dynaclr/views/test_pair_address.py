"""Numbers of a pair, with real keys."""

from __future__ import annotations

from typing import Any

import pytest
from qtpy.QtCore import Qt

from napari_dynaclr.views.pair_address import PairAddress


@pytest.fixture
def address(qtbot: Any) -> PairAddress:
    address = PairAddress()
    qtbot.addWidget(address)
    address.set_limits(10, 4, 8)
    return address


def test_the_user_is_heard_and_the_program_is_not(address: PairAddress, qtbot: Any) -> None:
    wished: list[tuple[int, ...]] = []
    address.address_wished.connect(lambda *numbers: wished.append(numbers))
    address.set_address(2, 3, 5, True)
    address.set_limits(10, 5, 8)
    assert wished == []
    for spin in (address.epoch, address.batch, address.place):
        qtbot.keyClick(spin, Qt.Key.Key_Up)
    assert wished == [(3, 3, 5), (3, 4, 5), (3, 4, 6)]
    assert address.counts["Batch"].text() == "Batch / 5"
    qtbot.keyClick(address.batch, Qt.Key.Key_Up)  # the last one
    assert len(wished) == 3
    address.set_address(0, 0, 0, False)
    assert not address.place.isEnabled()


def test_a_slice_is_chosen_where_there_are_several(address: PairAddress, qtbot: Any) -> None:
    wished: list[int | None] = []
    address.slice_wished.connect(wished.append)
    address.set_depth(1)
    assert not address.slice.isEnabled()
    address.set_depth(3)
    assert address.slice.text() == "max"  # what is shown as long as nobody has chosen
    for _ in range(4):
        qtbot.keyClick(address.slice, Qt.Key.Key_Up)
    address.slice.setValue(-1)
    assert wished == [0, 1, 2, None]
    assert address.slice.text() == "max"

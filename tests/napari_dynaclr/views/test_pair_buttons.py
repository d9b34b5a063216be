"""Buttons of the pair view, with real clicks."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt

from napari_dynaclr.keys.pair import PAIR_ACTIONS
from napari_dynaclr.views.pair_buttons import PairButtons


def test_every_action_has_a_button_that_says_its_key(qtbot: Any) -> None:
    bar, asked = PairButtons(), list[str]()
    qtbot.addWidget(bar)
    bar.requested.connect(asked.append)
    bar.set_keys({action.name: f"<{action.name}>" for action in PAIR_ACTIONS})
    bar.show()
    for action in PAIR_ACTIONS:
        button = bar.by_name[action.name]
        assert button.isVisible()
        assert f"<{action.name}>" in button.toolTip()
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert asked == [action.name for action in PAIR_ACTIONS]
    bar.set_ways(True, False)
    bar.set_alone(False)
    for name in ("forward", "batch"):
        qtbot.mouseClick(bar.by_name[name], Qt.MouseButton.LeftButton)
    assert len(asked) == len(PAIR_ACTIONS)
    assert [bar.by_name[name].isEnabled() for name in ("back", "forward", "batch")] == [True, False, False]

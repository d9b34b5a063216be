"""What a verdict is about, in every mode, and the way to its cell."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dynaclr.curation import Mark, MarkKind, SharedMarks, Verdict
from napari_dynaclr.controllers.curation_target import CurationTarget
from napari_dynaclr.state.cells import identity_of
from napari_dynaclr.state.curation import Curation, Mode
from napari_dynaclr.state.project import TRAINING, Cell, Project
from napari_dynaclr.state.session import Session
from napari_dynaclr.state.targets import Item, cell_target
from napari_dynaclr.views.curation import CurationView

ROW = 7


class Desk:
    """A session and a curation, and what is judged of them."""

    def __init__(self, qtbot: Any, project: Project, path: Path) -> None:
        self.project, self.session, self.view = project, Session(), CurationView()
        qtbot.addWidget(self.view)
        self.session.project = project
        self.model = Curation("anna")
        self.model.open(SharedMarks(path))
        self.target = CurationTarget(self.session, self.view, self.model)

    def draft(self, row: int, **values: Any) -> Mark:
        (draft,) = cell_target(self.project, Cell(TRAINING, row), MarkKind.TRACK).drafts
        return replace(draft, **values)


@pytest.fixture
def desk(qtbot: Any, sample_project: Project, tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(qtbot, sample_project, tmp_path / "curation.csv")
    yield desk
    desk.target.close()


def test_the_selected_cell_is_judged_part_by_part(desk: Desk) -> None:
    assert desk.target.current is None
    desk.target.show()
    assert desk.view.card.isHidden()
    desk.session.select(Cell(TRAINING, ROW))
    for kind in MarkKind:
        desk.target.set_kind(kind)
        assert desk.target.current == cell_target(desk.project, Cell(TRAINING, ROW), kind)
    assert not desk.view.card.isHidden()
    desk.target.close()
    desk.session.select(Cell(TRAINING, ROW + 1))
    assert desk.target.current == cell_target(desk.project, Cell(TRAINING, ROW), kind)


def test_a_part_is_that_of_the_cell_whatever_was_judged_before(desk: Desk) -> None:
    desk.session.select(Cell(TRAINING, ROW))
    desk.model.mode = Mode.QUEUE
    desk.target.show()
    assert desk.target.current is None
    desk.target.set_kind(MarkKind.FRAME)
    assert desk.model.mode is Mode.CELL
    assert desk.target.current == cell_target(desk.project, Cell(TRAINING, ROW), MarkKind.FRAME)


def test_the_entry_of_a_queue_is_gone_to(desk: Desk) -> None:
    cell = Cell(TRAINING, ROW)
    desk.model.mode = Mode.QUEUE
    desk.model.queue.fill([Item(math.nan, "looks odd", (desk.draft(ROW),))])
    desk.target.show()
    assert desk.target.current is not None
    assert desk.target.current.drafts == (desk.draft(ROW),)
    desk.target.jump()
    assert desk.session.cell == cell
    desk.model.judge([desk.draft(ROW)], Verdict.UNSURE, "dust")
    desk.target.show()
    assert "You: unsure: dust" in desk.view.card.opinions.text()


def test_marks_of_an_older_run_of_the_tracker_jump_to_the_place(desk: Desk) -> None:
    when = datetime(2026, 1, 31, tzinfo=UTC)
    draft = desk.draft(ROW)
    assert draft.y is not None
    old = replace(draft, author="bea", time=when, track_id=4711, y=draft.y + 1)
    desk.model.mode = Mode.MARKS
    desk.view.marks.mark_chosen.emit(old)
    assert desk.session.cell is not None
    assert identity_of(desk.project, desk.session.cell) == identity_of(desk.project, Cell(TRAINING, ROW))


def test_a_place_that_is_not_open_is_told(desk: Desk) -> None:
    desk.model.mode = Mode.MARKS
    desk.view.marks.mark_chosen.emit(replace(desk.draft(ROW), fov_name="Z/9/9"))
    assert desk.session.cell is None
    assert desk.view.status.message.text() == "This item is not in the open data."

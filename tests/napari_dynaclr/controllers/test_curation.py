"""Curation from the session to the file and back, with real background work."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.faults import corrupted, exchanged

from dynaclr.curation import Mark, MarkKind, SharedMarks, Verdict, read_marks
from dynaclr.index.anchors import Exclusion
from dynaclr.suspicion import links_of
from dynaclr.testing import synthetic_training
from napari_dynaclr.controllers.curation import CurationController
from napari_dynaclr.controllers.curation_work import APPLY, MERGE, READ, SEARCH
from napari_dynaclr.keys.curation import Do
from napari_dynaclr.state.cells import find_cell, identity_of
from napari_dynaclr.state.curation import Curation, Mode
from napari_dynaclr.state.project import VALIDATION, Cell, Project, open_project, resampled
from napari_dynaclr.state.session import Session
from napari_dynaclr.state.targets import audit_items
from napari_dynaclr.views.curation import CurationView
from napari_dynaclr.workers import Jobs

PATIENCE_MS = 120_000


class Desk:
    """A session with the curation of it, and patience for its background work."""

    def __init__(self, qtbot: Any, path: Path, author: str = "anna") -> None:
        self.qtbot, self.session, self.jobs = qtbot, Session(), Jobs()
        self.session.project = open_project(path)
        self.view = CurationView()
        qtbot.addWidget(self.view)
        self.controller = CurationController(self.session, self.jobs, self.view, Curation(author))
        self.model = self.controller.model
        self.wait(READ)

    def wait(self, kind: str) -> None:
        self.qtbot.waitUntil(lambda: not self.jobs.running(kind), timeout=PATIENCE_MS)

    def select(self, track: int, t: int, fov: str = "A/1/0", experiment: str = "dengue_june") -> None:
        assert self.session.project is not None
        cell = find_cell(self.session.project, experiment, fov, track, t)
        assert cell is not None
        self.session.select(cell)

    @property
    def where(self) -> tuple[str, str, int, int]:
        assert self.session.project is not None
        assert self.session.cell is not None
        return identity_of(self.session.project, self.session.cell)

    def search(self, pixels: bool = False) -> None:
        self.controller.work.search(pixels)
        self.wait(SEARCH)

    def apply(self) -> None:
        self.controller.act("apply")
        self.wait(APPLY)

    def close(self) -> None:
        self.controller.close()
        self.jobs.close()


Open = Callable[..., Desk]


@pytest.fixture
def opened(qtbot: Any) -> Iterator[Open]:
    desks: list[Desk] = []

    def open_one(path: Path, author: str = "anna") -> Desk:
        desks.append(Desk(qtbot, path, author))
        return desks[-1]

    yield open_one
    for desk in desks:
        desk.close()


@pytest.fixture
def tiny(synthetic_source: Path, tmp_path: Path) -> Path:
    shutil.copytree(synthetic_source.parent, tmp_path / "tiny")
    return tmp_path / "tiny" / "experiments.yaml"


def marks_in(path: Path) -> list[Mark]:
    return read_marks(path.with_name("curation.csv"))


def test_the_parts_of_a_cell_are_marked_and_applied(opened: Open, tiny: Path) -> None:
    desk = opened(tiny)
    desk.select(1, 3)
    desk.controller.act("exclude")
    desk.controller.act("frame")
    desk.controller.act("accept")
    desk.view.judge.line.setText("dust")
    desk.controller.act("fov")
    desk.controller.act("unsure")
    found = {(m.kind.value, m.verdict.value, m.reason, m.track_id, m.t) for m in marks_in(tiny)}
    assert found == {
        ("track", "exclude", "", 1, 3),
        ("frame", "accept", "", 1, 3),
        ("fov", "unsure", "dust", None, None),
    }
    assert desk.view.total.text() == "3 marks, 1 to apply"
    assert desk.view.judge.reason.itemText(0) == "dust"
    assert desk.view.reason == ""
    desk.apply()
    index = desk.session.project.parts["training"]  # type: ignore[union-attr]
    assert np.count_nonzero(index.exclusion == Exclusion.EXCLUDED) > 1
    assert desk.where == ("dengue_june", "A/1/0", 1, 3)
    assert desk.view.total.text() == "3 marks"
    assert desk.view.marks.removed.text().startswith("Applied: ")
    assert not desk.view.header[Do.APPLY].isEnabled()
    desk.controller.act("undo")
    desk.controller.act("undo")
    desk.controller.act("undo")
    assert marks_in(tiny) == []
    assert desk.view.total.text() == "0 marks, 1 to apply"
    desk.controller.act("redo")
    assert len(marks_in(tiny)) == 1


def test_the_link_of_a_root_cannot_be_judged(opened: Open, tiny: Path) -> None:
    desk = opened(tiny)
    table = desk.session.project.parts["training"].table  # type: ignore[union-attr]
    root = int(np.flatnonzero(table.forest.parent < 0)[0])
    row = int(np.flatnonzero(table.track == root)[0])
    desk.session.select(Cell("training", row))
    desk.controller.act("link")
    desk.controller.act("exclude")
    assert not desk.model.marks
    assert "starts here" in desk.view.status.message.text()


def test_every_kind_of_mark_finds_its_cell_again(opened: Open, tiny: Path) -> None:
    desk = opened(tiny)
    table = desk.session.project.parts["training"].table  # type: ignore[union-attr]
    child = int(np.flatnonzero(table.forest.parent >= 0)[0])
    row = int(np.flatnonzero(table.track == child)[0])
    for kind in ("link", "frame", "track", "lineage", "fov"):
        desk.session.select(Cell("training", row))
        experiment, fov, track, _ = desk.where
        desk.controller.act(kind)
        desk.controller.act("exclude")
        mark = desk.model.marks[-1]
        assert mark.kind == kind
        if kind == "link":
            assert mark.parent_track_id == int(table.track_id[table.forest.parent[child]])
        desk.model.mode = Mode.MARKS
        desk.session.select(None)
        desk.view.marks.mark_chosen.emit(mark)
        assert desk.where[:2] == (experiment, fov)
        if kind in ("link", "frame", "track"):
            assert desk.where[2] == track
    before = [index.curation for index in desk.session.project.parts.values()]  # type: ignore[union-attr]
    desk.apply()
    (report, *_) = [index.curation for index in desk.session.project.parts.values()]  # type: ignore[union-attr]
    assert before[0] is None
    assert report is not None
    assert report.unmatched == []
    assert report.marks == 5


def test_the_queue_goes_on_by_itself_and_undo_goes_back(opened: Open, tiny: Path) -> None:
    desk = opened(tiny)
    desk.search()
    items = desk.model.queue.items
    assert len(items) > 3
    assert [item.score for item in items] == sorted((item.score for item in items), reverse=True)
    assert desk.view.queue.progress.text() == f"0 / {len(items)} judged"
    for number, name in enumerate(("exclude", "accept", "skip", "unsure")):
        item = desk.model.queue.current
        assert item is items[number]
        desk.controller.act(name)
        assert desk.model.queue.position == number + 1
        if name != "skip":
            mark = desk.model.own(item.first)
            assert mark is not None
            assert (mark.verdict, mark.reason, mark.author) == (name, item.reason, "anna")
    current = desk.model.queue.current
    assert current is not None
    if current.first.kind is not MarkKind.FOV:
        assert desk.where[1:3] == (current.first.fov_name, current.first.track_id)
    assert desk.view.queue.progress.text() == f"3 / {len(items)} judged"
    desk.controller.act("undo")
    assert desk.model.queue.position == 3
    desk.controller.act("previous")
    assert desk.model.queue.position == 2
    desk.view.entry_chosen.emit(0)
    assert desk.model.queue.position == 0
    again = opened(tiny)
    again.search()
    left = again.model.queue.items  # what is excluded is no longer suspicious
    assert again.view.queue.progress.text() == f"1 / {len(left)} judged"
    assert items[0].first.subject not in {item.first.subject for item in left}


@pytest.mark.slow
def test_tables_exchanged_between_training_and_validation_are_found(
    opened: Open, synthetic_source: Path, sample_project: Project, tmp_path: Path
) -> None:
    """Fields of view that are held out are compared with those that train, and one key settles a field."""
    index = sample_project.index(VALIDATION)
    held_out = {
        entry.layout.name for entry in index.fovs if index.registry.names[entry.experiment] == "dengue_june"
    }
    one, two = sorted(held_out)[0], min({"A/1/0", "A/1/1", "B/1/0", "B/1/1"} - held_out)
    training = synthetic_training(exchanged(synthetic_source, tmp_path / "wrong", one, two), size="tiny")
    desk = opened(training)
    desk.search(pixels=True)
    first, second, third = desk.model.queue.items[:3]
    assert {first.first.fov_name, second.first.fov_name} == {one, two}
    assert first.score > 100 > third.score
    names = " and ".join(sorted((one, two)))
    assert all(f"tables of {names} look swapped" in item.reason for item in (first, second))
    of_first = [item for item in desk.model.queue.items if item.first.fov_name == first.first.fov_name]
    of_first = [item for item in of_first if item.first.experiment == "dengue_june"]
    assert desk.where[:2] == ("dengue_june", first.first.fov_name)
    desk.controller.act("exclude")
    assert f"settles {len(of_first) - 1} more" in desk.view.status.message.text()
    assert desk.view.queue.progress.text() == f"{len(of_first)} / {len(desk.model.queue.items)} judged"
    assert desk.model.queue.current is second


def test_a_search_can_be_cancelled_and_asked_again(opened: Open, tiny: Path) -> None:
    desk = opened(tiny)
    desk.controller.work.search(True)
    assert desk.jobs.running(SEARCH)
    desk.view.status.cancelled.emit()
    assert not desk.jobs.running(SEARCH)
    assert desk.view.status.work.isHidden()
    assert desk.view.queue.search.isEnabled()
    desk.search()
    assert desk.model.queue.items


def test_an_audit_gives_a_rate_and_goes_on_after_a_restart(opened: Open, tiny: Path) -> None:
    desk = opened(tiny)
    desk.controller.work.draw(20)
    assert len(desk.model.audit.sample.items) == 20
    for name in ["accept"] * 6 + ["exclude", "unsure"]:
        desk.controller.act(name)
    text = desk.view.audit.rate.text()
    assert text.startswith("Audit 1: 1 of 7 links wrong: 14.29 %")
    assert text.endswith("1 unsure")
    desk.apply()
    again = opened(tiny)
    again.controller.work.draw(20)
    assert again.view.audit.rate.text() == text
    assert again.view.audit.progress.text() == "8 / 20 judged"
    subjects = {item.first.subject for item in again.model.audit.sample.items}
    assert len(subjects) == 20
    assert again.model.audit.sample.position == 8
    again.view.audit.begun_anew.emit()
    again.controller.work.draw(30)
    assert again.model.audit.number == 2
    assert again.view.audit.progress.text() == "0 / 30 judged"


def test_audits_draw_every_link_alike(opened: Open, tiny: Path) -> None:
    project = opened(tiny).session.project
    assert project is not None
    total = sum(len(links_of(index.table)) for index in project.parts.values())
    everything = audit_items(project, 10**6, 1)
    assert len({item.first.subject for item in everything}) == len(everything) == total
    few, others = ([item.drafts for item in audit_items(project, 30, seed)] for seed in (1, 2))
    assert few == [item.drafts for item in everything[:30]]
    assert few != others


def test_two_windows_on_one_file(opened: Open, tiny: Path) -> None:
    one, two = opened(tiny), opened(tiny, "bea")
    one.select(1, 2)
    one.controller.act("exclude")
    two.select(2, 2)
    two.controller.act("accept")
    one.controller.act("frame")
    one.controller.act("exclude")
    two.controller.refresh()
    assert len(marks_in(tiny)) == 3
    assert set(one.model.marks) == set(two.model.marks) == set(marks_in(tiny))
    assert "another window" in two.view.status.message.text()
    two.controller.act("undo")
    assert [mark.author for mark in marks_in(tiny)] == ["anna", "anna"]


def test_a_broken_file_is_told_and_read_again(opened: Open, tiny: Path) -> None:
    desk = opened(tiny)
    desk.select(1, 2)
    desk.controller.act("exclude")
    path = tiny.with_name("curation.csv")
    good = path.read_text()
    path.write_text(good.replace("exclude", "exlude"))
    desk.controller.act("accept")
    assert "line 2, field verdict" in desk.view.status.error.toPlainText()
    assert not desk.view.status.retry.isHidden()
    assert path.read_text() == good.replace("exclude", "exlude")
    path.write_text(good)
    desk.view.status.retried.emit()
    assert desk.view.status.error.isHidden()
    desk.controller.act("accept")
    assert [mark.verdict.value for mark in marks_in(tiny)] == ["accept"]


def test_another_file_is_merged_with_kappa(opened: Open, tiny: Path, tmp_path: Path) -> None:
    desk = opened(tiny)
    for t in range(4):
        desk.select(1, t)
        desk.controller.act("frame")
        desk.controller.act("exclude" if t % 2 else "accept")
    other = SharedMarks(tmp_path / "bea.csv")
    model = Curation("bea")
    model.open(other)
    for mark in desk.model.marks:
        model.judge([mark], Verdict.EXCLUDE if mark.t == 3 else Verdict.ACCEPT)
    desk.controller.work.merge(str(other.path))
    desk.wait(MERGE)
    text = desk.view.status.message.text()
    assert "4 imported" in text
    assert "4 in common, 75 % agreement, kappa 0.50" in text
    assert "1 judged differently" in text
    assert len(marks_in(tiny)) == 8
    (tmp_path / "bad.csv").write_text("kind\n")
    desk.controller.work.merge(str(tmp_path / "bad.csv"))
    desk.wait(MERGE)
    assert "column is missing" in desk.view.status.error.toPlainText()


def test_no_project_shows_what_to_do_and_another_project_has_its_own_marks(
    opened: Open, tiny: Path, coded_source: Path, tmp_path: Path
) -> None:
    desk = opened(tiny)
    desk.select(1, 2)
    desk.controller.act("exclude")
    shutil.copytree(coded_source.parent, tmp_path / "coded")
    desk.session.project = open_project(tmp_path / "coded" / "experiments.yaml")
    desk.wait(READ)
    assert desk.model.marks == ()
    desk.session.project = None
    assert desk.view.stack.currentIndex() == 0
    desk.session.project = open_project(tiny)
    desk.wait(READ)
    assert len(desk.model.marks) == 1


def test_a_name_stands_with_marks(opened: Open, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[str] = []
    monkeypatch.setattr("napari_dynaclr.controllers.curation.keep_author_name", kept.append)
    desk = opened(tiny)
    desk.view.marks.author_entered.emit("  Carl ")
    assert kept == ["Carl"]
    desk.view.marks.author_entered.emit(" ")
    assert desk.view.marks.name.text() == "Carl"
    assert "marks need the annotator's name" in desk.view.status.error.toPlainText()


@pytest.mark.parametrize(
    ("fault", "word"),
    [("exchange", "table of"), ("yx", "y and x are swapped"), ("microns", "micrometer")],
)
def test_wrong_tables_are_the_first_items(
    opened: Open, synthetic_source: Path, tmp_path: Path, fault: str, word: str
) -> None:
    where = ("--experiment", "dengue_june", "--fovs", "A/1/0", "B/1/1")
    options = where if fault == "exchange" else where[:-1]
    fovs = set(corrupted(synthetic_source, tmp_path / "wrong", fault, *options).fov_name)
    desk = opened(tmp_path / "wrong" / "experiments.yaml")
    desk.search(pixels=True)
    first = desk.model.queue.items[: len(fovs)]
    assert {item.first.fov_name for item in first} == fovs, [item.reason for item in first]
    assert {item.first.kind for item in first} == {MarkKind.FOV}
    assert all(word in item.reason for item in first), [item.reason for item in first]
    for _ in fovs:
        desk.controller.act("exclude")
    desk.apply()
    desk.search(pixels=True)
    whole = [item for item in desk.model.queue.items if item.first.kind is MarkKind.FOV]
    assert {desk.model.verdict_of(item) for item in whole} <= {Verdict.EXCLUDE}
    current = desk.model.queue.current  # goes on with what is not judged
    assert current is not None
    assert desk.model.verdict_of(current) is None
    left = [item.first for item in desk.model.queue.items if item not in whole]
    assert not fovs & {draft.fov_name for draft in left if draft.experiment == "dengue_june"}


def test_exchanged_links_are_the_first_items(opened: Open, synthetic_source: Path, tmp_path: Path) -> None:
    wrong = corrupted(synthetic_source, tmp_path / "wrong", "links", "--share", "0.05")
    desk = opened(tmp_path / "wrong" / "experiments.yaml")
    desk.search()
    links = [item.first for item in desk.model.queue.items[: len(wrong)]]
    said = set(wrong.itertuples(index=False, name=None))
    found = {(link.experiment, link.fov_name, link.track_id, link.t) for link in links}
    assert len(found & said) > 0.9 * len(said)


def test_other_options_of_the_sampler_do_not_apply_marks(opened: Open, tiny: Path) -> None:
    desk = opened(tiny)
    desk.select(1, 3)
    desk.controller.act("exclude")
    assert desk.model.pending() == 1
    sampling = replace(desk.session.project.pipeline.config.sampling, batch_size=3)
    desk.session.project = resampled(desk.session.project, sampling)
    assert desk.model.pending() == 1


def test_marks_are_not_applied_to_what_is_no_longer_open(opened: Open, tiny: Path) -> None:
    desk = opened(tiny)
    desk.controller.act("apply")
    sampling = replace(desk.session.project.pipeline.config.sampling, batch_size=3)
    desk.session.project = newer = resampled(desk.session.project, sampling)
    desk.wait(APPLY)
    assert desk.session.project is newer
    assert "not applied" in desk.view.status.error.toPlainText()


def test_the_queue_stays_at_its_entry_when_it_is_filled_again(opened: Open, tiny: Path) -> None:
    desk = opened(tiny)
    desk.search()
    desk.model.queue.go(2)
    current = desk.model.queue.current
    desk.search()
    assert desk.model.queue.current.first.subject == current.first.subject
    assert desk.model.queue.position == 2
    told: list[str] = []
    desk.session.let_go.connect(told.append)
    shutil.copytree(tiny.parent, tiny.parent.with_name("other"))
    desk.session.project = open_project(tiny.parent.with_name("other") / tiny.name)
    assert desk.model.queue.current is None
    assert len(told) == 1
    assert "to be judged" in told[0]

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import yaml

from dynaclr.base.errors import ConfigError, DynaclrError
from dynaclr.curation import Mark, MarkKind, Verdict, write_marks
from napari_dynaclr.controllers.pairs import read_pair
from napari_dynaclr.state.cells import find_cell, identity_of
from napari_dynaclr.state.project import (
    TRAINING,
    VALIDATION,
    Cell,
    Project,
    open_project,
    reopened,
    resampled,
)
from napari_dynaclr.state.session import PairRequest, Session


def test_a_project_has_what_trains_and_what_is_held_out(
    sample_project: Project, sample_training: Path
) -> None:
    assert sample_project.path == sample_training
    assert set(sample_project.parts) == {TRAINING, VALIDATION}
    assert sample_project.run is None
    assert sample_project.report.anchors > 0
    assert sample_project.curation == sample_training.parent / "curation.csv"


def test_progress_can_end_the_opening(sample_training: Path) -> None:
    class Enough(Exception):
        pass

    seen: list[str] = []

    def tell(step: str, done: int, total: int) -> None:
        seen.append(step)
        if done == 1:
            raise Enough

    with pytest.raises(Enough):
        open_project(sample_training, tell)
    assert seen == ["tracks of the training", "tracks of the validation"]


def test_what_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.yaml.*nothing there"):
        open_project(tmp_path / "absent.yaml")


def test_a_cell_is_found_by_what_it_is(sample_project: Project) -> None:
    for part, row in ((TRAINING, 17), (VALIDATION, 5)):
        cell = Cell(part, row)
        assert find_cell(sample_project, *identity_of(sample_project, cell)) == cell
    experiment, fov, track, frame = identity_of(sample_project, Cell(TRAINING, 17))
    assert find_cell(sample_project, experiment, fov, 999, frame) is None
    assert find_cell(sample_project, experiment, fov, track, 999) is None
    assert find_cell(sample_project, "nowhere", fov, track, frame) is None
    assert find_cell(sample_project, experiment, "Z/9/9", track, frame) is None


def test_selecting_can_be_undone(sample_project: Project) -> None:
    session = Session()
    session.project = sample_project
    told: list[Cell | None] = []
    session.cell_changed.connect(told.append)
    cells = [Cell(TRAINING, row) for row in (3, 5, 8)]
    for cell in cells:
        session.select(cell)
    session.select(cells[-1])
    assert told == cells
    session.back()
    session.back()
    assert session.cell == cells[0]
    assert session.can_go == (False, True)
    session.forward()
    assert session.cell == cells[1]
    session.select(Cell(TRAINING, 1))
    assert session.can_go == (True, False)
    session.forward()
    assert session.cell == Cell(TRAINING, 1)


def test_a_request_is_told_once(sample_project: Project) -> None:
    session = Session()
    session.project = sample_project
    told: list[PairRequest] = []
    session.request_changed.connect(told.append)
    session.ask(PairRequest(1, 2, 3))
    session.ask(PairRequest(1, 2, 3))
    assert told == [PairRequest(1, 2, 3)]


def test_selection_survives_setting_up_again(sample_project: Project) -> None:
    session = Session()
    session.project = sample_project
    session.select(Cell(TRAINING, 11))
    session.ask(PairRequest(0, 1, 2))
    session.project = reopened(sample_project)
    assert session.cell == Cell(TRAINING, 11)
    assert session.request == PairRequest(0, 1, 2)
    session.ask(PairRequest(0, 1, 14))
    config = sample_project.pipeline.config
    smaller = replace(config, sampling=replace(config.sampling, batch_size=4))
    session.project = reopened(sample_project, smaller)
    assert session.request == PairRequest()
    session.project = None
    assert session.cell is None


def test_marks_beside_the_experiments_are_honoured(coded: Path) -> None:
    before = open_project(coded)
    experiment, fov, track, _ = identity_of(before, Cell(TRAINING, 0))
    (coded.parent / "curation.csv").write_text(
        "kind,verdict,experiment,fov_name,track_id,t,parent_track_id,y,x,reason,author,time\n"
        f"track,exclude,{experiment},{fov},{track},,,,,swap,me,2026-01-02T03:04:05+00:00\n"
    )
    again = reopened(before)
    assert len(again.inspector.dataset) < len(before.inspector.dataset)
    assert open_project(coded).report.anchors == again.report.anchors


def test_a_run_folder_is_opened_as_its_run(sample_training: Path, tmp_path: Path) -> None:
    content = yaml.safe_load(sample_training.read_text())
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(content))
    (tmp_path / "run.json").write_text("{}")
    assert open_project(tmp_path).run == tmp_path


def excluding_a_track(project: Project, cell: Cell) -> Project:
    """Return a project set up again without the track of a cell; its file of marks goes again."""
    name = identity_of(project, cell)
    mark = Mark(
        *(MarkKind.TRACK, Verdict.EXCLUDE, name.experiment, name.fov_name, "me", datetime.now(UTC)),
        track_id=name.track_id,
        t=name.t,
    )
    write_marks(project.curation, [mark])
    return reopened(project)


def test_a_pair_drawn_for_a_cell_stays_that_cell_s(coded: Path) -> None:
    """Marks that are applied leave anchors out: the numbers of those behind them are others then."""
    project, session = open_project(coded), Session()
    session.project = project
    told: list[str] = []
    session.let_go.connect(told.append)
    cell = Cell(TRAINING, int(project.inspector.dataset.rows[-1]))
    name = identity_of(project, cell)
    session.select(Cell(TRAINING, int(project.inspector.dataset.rows[-2])))
    session.select(cell)
    session.ask(PairRequest(0, 0, 0, name))
    before, left = read_pair(project, session.request), session.project
    session.project = excluding_a_track(project, Cell(TRAINING, int(project.inspector.dataset.rows[0])))
    assert len(session.project.inspector.dataset) < len(project.inspector.dataset)
    assert session.cell is not None
    assert identity_of(session.project, session.cell) == name
    after = read_pair(session.project, session.request)
    assert np.array_equal(after.anchor.raw, before.anchor.raw)
    assert told == []
    session.back()
    assert session.cell is not None
    first = Cell(TRAINING, int(left.inspector.dataset.rows[-2]))
    assert identity_of(session.project, session.cell) == identity_of(left, first)


def test_what_is_gone_is_let_go_with_a_word(coded: Path) -> None:
    project, session = open_project(coded), Session()
    session.project = project
    told: list[str] = []
    session.let_go.connect(told.append)
    cell = Cell(TRAINING, int(project.inspector.dataset.rows[0]))
    name = identity_of(project, cell)
    session.select(cell)
    session.ask(PairRequest(0, 0, 0, name))
    seen: list[PairRequest] = []
    session.project_changed.connect(lambda _: seen.append(session.request))
    session.project = excluding_a_track(project, cell)
    assert session.request == PairRequest()
    assert seen == [PairRequest()]  # nobody is told of a project with the pair of another one
    assert len(told) == 1
    assert told[0].count(f"track {name.track_id} at frame {name.t}") >= 1
    assert "pair drawn for" in told[0]
    with pytest.raises(DynaclrError, match="not an anchor"):
        read_pair(session.project, PairRequest(0, 0, 0, name._replace(track_id=999)))


def test_other_options_of_the_sampler_leave_rows_what_they_are(sample_project: Project) -> None:
    sampling = replace(sample_project.pipeline.config.sampling, batch_size=7)
    other = resampled(sample_project, sampling)
    assert other.shares_data(sample_project)
    assert not reopened(sample_project).shares_data(sample_project)
    session = Session()
    session.project = sample_project
    session.select(Cell(TRAINING, 3))
    session.select(Cell(TRAINING, 5))
    session.project = other
    assert session.can_go == (True, False)

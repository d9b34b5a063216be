from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from dynaclr.base.errors import ConfigError
from napari_dynaclr.state.cells import find_cell, identity_of
from napari_dynaclr.state.project import TRAINING, VALIDATION, Cell, Project, open_project, reopened
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

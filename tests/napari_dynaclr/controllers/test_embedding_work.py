"""An embedding whose project is set up anew: its numbers never stand for other cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.embedded import write_embedding

from napari_dynaclr.controllers.embedding_work import EmbeddingWork
from napari_dynaclr.state.atlas import open_atlas
from napari_dynaclr.state.cells import identity_of
from napari_dynaclr.state.embedding import EmbeddingModel
from napari_dynaclr.state.project import Project, reopened
from napari_dynaclr.state.session import Session
from napari_dynaclr.workers import Jobs

pytestmark = pytest.mark.filterwarnings("ignore:sampler:UserWarning")  # few cells


def test_cells_are_nowhere_until_they_are_found_in_the_new_data(
    sample_project: Project, tmp_path: Path, qtbot: Any
) -> None:
    write_embedding(sample_project, tmp_path / "embedding.parquet")
    session, jobs, model = Session(), Jobs(), EmbeddingModel()
    work = EmbeddingWork(session, jobs, model)
    session.project = sample_project
    assert work.predicted is None
    atlas = open_atlas(tmp_path / "embedding.parquet", sample_project)
    model.set_atlas(atlas)
    qtbot.waitUntil(lambda: not jobs._jobs, timeout=60_000)
    name = identity_of(sample_project, atlas.cell(5))
    met: list[Any] = []
    session.cell_changed.connect(lambda _: met.append(model.atlas.cell(5)))
    session.project = other = reopened(sample_project)
    assert met == [None]
    qtbot.waitUntil(lambda: model.atlas.fits(other), timeout=60_000)
    assert identity_of(other, model.atlas.cell(5)) == name
    qtbot.waitUntil(lambda: not jobs._jobs, timeout=60_000)
    jobs.close()

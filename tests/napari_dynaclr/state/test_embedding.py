from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from tests.support.embedded import write_embedding

from dynaclr.base import keys
from dynaclr.base.errors import DataError
from dynaclr.embedding.projection import Method, kmeans, principal_components
from dynaclr.embedding.table import Space
from dynaclr.pipeline.preparation import Stage
from napari_dynaclr.state.atlas import Atlas, open_atlas, placed, unplaced
from napari_dynaclr.state.cells import identity_of
from napari_dynaclr.state.embedding import COLOUR_BY, COMPONENTS, GROUPS, LAYOUTS, EmbeddingModel, Need
from napari_dynaclr.state.patches_of import embedded_patches
from napari_dynaclr.state.project import TRAINING, VALIDATION, Cell, Project, reopened


@pytest.fixture(scope="module")
def atlas(sample_project: Project, tmp_path_factory: pytest.TempPathFactory) -> Atlas:
    path = tmp_path_factory.mktemp("embedding") / "embedding.parquet"
    write_embedding(sample_project, path)
    return open_atlas(path, sample_project)


def test_cells_are_found_in_both_parts_and_back(atlas: Atlas, sample_project: Project) -> None:
    seen = atlas.table.observations
    assert atlas.missing == 0
    parts = set()
    for number in range(0, len(atlas), 17):
        cell = atlas.cell(number)
        assert cell is not None
        row = seen.iloc[number]
        expected = (row[keys.EXPERIMENT], row[keys.FOV_NAME], row[keys.TRACK_ID], row[keys.T])
        assert identity_of(sample_project, cell) == expected
        assert atlas.fov_names[atlas.fov[number]] == expected[:2]
        assert atlas.number(cell) == number
        parts.add(cell.part)
    assert parts == {TRAINING, VALIDATION}
    assert atlas.number(None) is None
    assert atlas.number(Cell(TRAINING, 10**9)) is None
    for experiment, fov_name in atlas.fov_names:
        here = (seen[keys.EXPERIMENT] == experiment) & (seen[keys.FOV_NAME] == fov_name)
        assert atlas.in_fov(experiment, fov_name).tolist() == np.flatnonzero(here).tolist()
    assert atlas.in_fov("none", "A/1/0").size == 0


def test_a_path_is_the_track_in_time_and_the_rest_of_the_lineage(atlas: Atlas) -> None:
    seen = atlas.table.observations
    families = seen.groupby(keys.LINEAGE_ID)[keys.GLOBAL_TRACK_ID].nunique()
    number = int(np.flatnonzero(seen[keys.LINEAGE_ID] == families.idxmax())[0])
    mine, others = atlas.path_of(number)
    own = seen[seen[keys.GLOBAL_TRACK_ID] == seen[keys.GLOBAL_TRACK_ID][number]]
    assert mine.tolist() == own.sort_values(keys.T).index.tolist()
    assert len(others) == families.max() - 1 >= 2
    for piece in others:
        assert set(seen[keys.LINEAGE_ID].iloc[piece]) == {families.idxmax()}
        assert (np.diff(seen[keys.T].iloc[piece]) > 0).all()


def test_cells_that_the_project_lacks_are_told(atlas: Atlas, sample_project: Project) -> None:
    other = atlas.table.observations.assign(**{keys.EXPERIMENT: "elsewhere"})
    moved = placed(replace(atlas, table=replace(atlas.table, observations=other)), sample_project)
    assert moved.missing == len(moved)
    assert moved.cell(0) is None


def test_an_embedding_without_identities_is_refused(sample_project: Project, tmp_path: Path) -> None:
    vectors = pa.FixedSizeListArray.from_arrays(pa.array([1.0, 2.0], pa.float32()), 2)
    file = tmp_path / "bare.parquet"
    pq.write_table(pa.table({"features": vectors, "projections": vectors, "t": [0]}), file)
    with pytest.raises(DataError, match=r"bare\.parquet.*fov_name"):
        open_atlas(file, sample_project)


@pytest.fixture
def model(sample_project: Project, tmp_path: Path) -> EmbeddingModel:
    write_embedding(sample_project, tmp_path / "embedding.parquet")
    made = EmbeddingModel()
    made.set_atlas(open_atlas(tmp_path / "embedding.parquet", sample_project), "about it")
    return made


def know(model: EmbeddingModel) -> None:
    """Compute what is needed."""
    atlas = model.atlas
    assert atlas is not None
    while model.needs():
        need = model.needs()[0]
        vectors = atlas.table.vectors(need.space)
        first = model.known(Need(COMPONENTS, need.space))
        made = {
            COMPONENTS: lambda vectors=vectors: principal_components(vectors, 50),
            GROUPS: lambda first=first, need=need: kmeans(first, need.groups),
        }.get(need.what, lambda vectors=vectors: vectors[:, :2])
        model.learn(atlas, need, made())


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("space", list(Space))
def test_every_map_and_color_says_what_it_needs(model: EmbeddingModel, layout: str, space: Space) -> None:
    atlas = model.atlas
    assert atlas is not None
    for color_by in COLOUR_BY:
        model.choose(layout=layout, colour_by=color_by, space=space)
        know(model)
        assert model.points is not None and model.points.shape == (len(atlas), 2)
        coloring = model.colouring
        assert coloring is not None and coloring.codes.shape == (len(atlas),)
        if coloring.names:
            assert coloring.codes.max() < len(coloring.names)
    assert not model.needs()


def test_what_is_needed_comes_in_order_and_late_answers_are_dropped(model: EmbeddingModel) -> None:
    atlas = model.atlas
    assert atlas is not None
    model.choose(layout=Method.TSNE, colour_by="cluster", groups=3)
    assert [need.what for need in model.needs()] == [COMPONENTS, GROUPS, Method.TSNE]
    assert model.points is None
    assert model.colouring is None
    know(model)
    sizes = np.bincount(model.colouring.codes)
    assert model.colouring.names == tuple(f"{k + 1} ({size})" for k, size in enumerate(sizes))
    model.choose(groups=4)
    assert [need.what for need in model.needs()] == [GROUPS]
    model.set_atlas(None)
    model.learn(atlas, Need(GROUPS, Space.FEATURES, 4), np.zeros(len(atlas)))
    assert model.known(Need(GROUPS, Space.FEATURES, 4)) is None
    assert model.needs() == ()


def test_selections_are_new_added_or_removed_and_counted_by_fov(model: EmbeddingModel) -> None:
    atlas = model.atlas
    assert atlas is not None
    model.select(np.array([5, 3, 3]))
    model.select(np.array([8]), "add")
    assert model.selected.tolist() == [3, 5, 8]
    model.select(np.array([5, 100]), "remove")
    assert model.selected.tolist() == [3, 8]
    model.select(np.arange(len(atlas)))
    counts = pd.Series(atlas.fov).value_counts()
    assert dict(model.selected_fovs) == counts.to_dict()
    assert [count for _, count in model.selected_fovs] == sorted(counts, reverse=True)
    model.select(np.array([4, 9]))
    first, second = atlas.cell(4), atlas.cell(9)
    assert model.walk(None, 1) == first
    assert [model.walk(first, 1), model.walk(second, 1), model.walk(first, -1)] == [second, first, second]
    model.select(np.empty(0, dtype=np.int64))
    assert model.walk(first, 1) is None


def test_an_embedding_whose_cells_were_found_anew_keeps_what_is_known(
    model: EmbeddingModel, sample_project: Project
) -> None:
    know(model)
    model.select(np.array([1]))
    assert model.atlas is not None
    model.set_atlas(placed(model.atlas, sample_project))
    assert not model.needs()
    assert (model.selected.tolist(), model.about) == ([1], "about it")


def test_patches_are_those_that_the_network_embeds(model: EmbeddingModel, sample_project: Project) -> None:
    atlas, pipeline = model.atlas, sample_project.pipeline
    assert atlas is not None
    numbers = np.arange(0, len(atlas), 31)
    cells = [atlas.cell(int(number)) for number in numbers]
    found = embedded_patches(sample_project, [*cells, None])
    dataset = pipeline.predict_dataset()
    seen = pd.DataFrame(dataset.identities(dataset.rows))
    columns = [keys.EXPERIMENT, keys.FOV_NAME, keys.TRACK_ID, keys.T]
    order = {key: place for place, key in enumerate(seen[columns].itertuples(index=False, name=None))}
    wanted = atlas.table.observations.iloc[numbers][columns].itertuples(index=False, name=None)
    batch = dataset.__getitems__([order[key] for key in wanted])
    expected = pipeline.prepare(batch, Stage.PREDICT)[keys.ANCHOR]
    assert torch.equal(torch.from_numpy(found[:-1]), expected)
    assert np.isnan(found[-1]).all()


def test_selected_cells_stay_selected_in_another_embedding(
    model: EmbeddingModel, sample_project: Project, tmp_path: Path
) -> None:
    """The numbers of an embedding are its own: the same cells have others in the next one."""
    assert model.atlas is not None
    model.select(np.arange(0, 40, 3))
    names = [identity_of(sample_project, model.atlas.cell(n)) for n in model.selected]
    write_embedding(sample_project, tmp_path / "fewer.parquet", every=2)
    fewer = open_atlas(tmp_path / "fewer.parquet", sample_project)
    model.set_atlas(fewer)
    there = [identity_of(sample_project, fewer.cell(number)) for number in range(len(fewer))]
    assert [there[n] for n in model.selected] == [name for name in there if name in names]
    assert 0 < model.selected.size < len(names)


def test_rows_of_an_embedding_hold_for_the_data_that_it_was_placed_in(
    atlas: Atlas, sample_project: Project
) -> None:
    other = reopened(sample_project)
    assert atlas.fits(sample_project)
    assert not atlas.fits(other)
    nowhere = unplaced(atlas)
    assert not nowhere.fits(sample_project)
    assert nowhere.missing == len(atlas)
    assert placed(nowhere, other).fits(other)

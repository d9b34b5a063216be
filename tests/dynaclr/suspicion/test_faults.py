"""Faults put into synthetic experiments must rank first."""

from __future__ import annotations

import re
import shutil
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.support.faults import CORRUPT, corrupted

from dynaclr.curation import MarkKind, Verdict, write_marks
from dynaclr.experiment import ExperimentRegistry
from dynaclr.index import MultiExperimentIndex
from dynaclr.index.options import IndexOptions
from dynaclr.suspicion import Finding, suspects
from dynaclr.testing import synthetic_experiments

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*centroids of all FOVs cover only a corner"),
    pytest.mark.filterwarnings("ignore:.*parents continue after their daughter starts"),
]

FOV, FOVS = "A/1/1", ["A/1/0", "A/1/1", "B/1/0", "B/1/1"]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_experiments(tmp_path_factory.mktemp("faults"), size="demo").parent


@pytest.fixture
def experiments(source: Path, tmp_path: Path) -> Path:
    """A copy whose tables may be damaged; plates are links."""
    for item in source.iterdir():
        if item.suffix == ".zarr":
            (tmp_path / item.name).symlink_to(item, target_is_directory=True)
        elif item.is_dir():
            shutil.copytree(item, tmp_path / item.name)
        else:
            shutil.copy(item, tmp_path)
    return tmp_path


def table_path(folder: Path, fov: str = FOV) -> Path:
    return folder / "dengue_june.tracks" / fov / "tracks.csv"


def index_of(folder: Path, curation: Path | None = None, depth: int = 3) -> MultiExperimentIndex:
    registry = ExperimentRegistry.from_yaml(folder / "experiments.yaml")
    options = IndexOptions(curation=curation)
    return MultiExperimentIndex(registry, (0, depth), (32, 32), options=options)


def wholes(findings: list[Finding]) -> list[Finding]:
    return [item for item in findings if item.score >= 100]


def test_sound_experiments_have_no_fov_at_the_top(experiments: Path) -> None:
    findings = suspects(index_of(experiments), pixels=True)
    assert not wholes(findings)
    assert not [item for item in findings if item.check == "swap"]


def test_tables_of_two_fovs_exchanged(experiments: Path) -> None:
    one, two = table_path(experiments), table_path(experiments, "B/1/0")
    texts = one.read_text(), two.read_text()
    one.write_text(texts[1])
    two.write_text(texts[0])
    found = wholes(suspects(index_of(experiments), pixels=True))
    reasons = {item.fov_name: item.reason for item in found}
    assert set(reasons) == {FOV, "B/1/0"}
    exchanged = "tables of A/1/1 and B/1/0 look swapped: swap these two track files"
    assert all(reason.startswith(exchanged) for reason in reasons.values())
    assert "the track table of B/1/0 fits better" in reasons[FOV]
    assert "the track table of A/1/1 fits better" in reasons["B/1/0"]


def from_one(table: pd.DataFrame) -> pd.DataFrame:
    later = table.assign(t=table.t + 1)
    return later[later.t < 24]


def shifted(table: pd.DataFrame) -> pd.DataFrame:
    moved = table.assign(y=table.y + 30, x=table.x - 12)
    return moved[(moved.y < 223) & (moved.x > 0)]


EXAMPLES = [
    ("yx", "y and x are swapped", CORRUPT["exchanged_yx"]),
    ("microns", "centroids (are|may be) in micrometers", CORRUPT["microns"]),
]


@pytest.mark.parametrize(("fault", "reason"), [example[:2] for example in EXAMPLES])
@pytest.mark.parametrize("fovs", [[FOV], FOVS], ids=["one", "all"])
def test_wrong_places(
    synthetic_source: Path, tmp_path: Path, fault: str, reason: str, fovs: list[str]
) -> None:
    corrupted(synthetic_source, tmp_path / "wrong", fault, "--experiment", "dengue_june", "--fovs", *fovs)
    told(index_of(tmp_path / "wrong", depth=2), fovs, reason)


@pytest.mark.parametrize(
    ("fault", "fovs", "reason"),
    [
        (from_one, [FOV], "frames are 1-based"),
        (from_one, FOVS, "frames are 1-based"),
        (shifted, [FOV], r"centroids are shifted by \((29|3[0-1]),"),
        (shifted, FOVS, r"centroids are shifted by \((29|3[0-1]),"),
    ],
)
def test_wrong_tables(experiments: Path, fault: Callable[[Any], Any], fovs: list[str], reason: str) -> None:
    for fov in fovs:
        path = table_path(experiments, fov)
        fault(pd.read_csv(path)).to_csv(path, index=False)
    told(index_of(experiments), fovs, reason)


def told(index: MultiExperimentIndex, fovs: list[str], reason: str) -> None:
    found = wholes(suspects(index, pixels=True))
    assert sorted(item.fov_name for item in found) == fovs
    assert all(re.search(reason, item.reason) for item in found), [item.reason for item in found]
    assert {item.experiment for item in found} == {"dengue_june"}


@pytest.mark.parametrize("pixels", [False, True])
def test_exchanged_links_fill_the_top_of_the_list(
    synthetic_source: Path, tmp_path: Path, pixels: bool
) -> None:
    folder = tmp_path / "wrong"
    table = corrupted(synthetic_source, folder, "links", "--share", "0.1")
    wrong = set(table.itertuples(index=False, name=None))
    findings = suspects(index_of(folder, depth=2), pixels=pixels)
    hits = [
        item.kind is MarkKind.LINK and (item.experiment, item.fov_name, item.track_id, item.t) in wrong
        for item in findings
    ]
    assert len(wrong) > 40
    assert np.mean(hits[: len(wrong) // 2]) > 0.98
    assert np.mean(hits[: len(wrong)]) > 0.95
    assert sum(hits) > 0.95 * len(wrong)
    now = datetime(2026, 1, 31, tzinfo=UTC)
    marks = [item.mark(Verdict.EXCLUDE, "anna", now) for item in findings[: len(wrong) // 2]]
    write_marks(tmp_path / "curation.csv", marks)
    curated = index_of(folder, tmp_path / "curation.csv", depth=2)
    assert curated.curation is not None
    assert curated.curation.cut_links == len(marks)
    assert not curated.curation.unmatched
    left = suspects(curated, pixels=pixels)
    marked = {mark.identity for mark in marks}
    assert not marked & {item.mark(Verdict.EXCLUDE, "anna", now).identity for item in left}


def test_faults_in_a_real_recording(shared_data: Path, tmp_path: Path) -> None:
    from dynaclr.convert import CtcOptions, convert_ctc

    described = CtcOptions(
        name="hela",
        interval_minutes=30.0,
        pixel_size_um=0.645,
        z_step_um=1.0,
        conditions=["control"],
        channel_name="nuclei",
        start_hpi=0.0,
        version="0.4",
    )
    convert_ctc([shared_data / "hela" / "01", shared_data / "hela" / "02"], tmp_path, described)
    paths = [tmp_path / "hela.tracks" / fov / "tracks.csv" for fov in ("A/1/0", "A/1/1")]
    texts = [path.read_text() for path in paths]

    def found() -> list[Finding]:
        registry = ExperimentRegistry.from_yaml(tmp_path / "experiments.yaml")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # on the rows that a wrong table loses
            index = MultiExperimentIndex(registry, (0, 1), (68, 68), (0.5, 1.0))
        return wholes(suspects(index, pixels=True))

    assert not found()
    paths[0].write_text(texts[1])
    paths[1].write_text(texts[0])
    assert ["the track table of A/1/0 fits better" in item.reason for item in found()] == [True, False]
    paths[1].write_text(texts[1])
    for fault, reason in [(from_one, "frames are 1-based"), *((e[2], e[1]) for e in EXAMPLES)]:
        paths[0].write_text(texts[0])
        table = fault(pd.read_csv(paths[0]), *([0.645] if fault is not from_one else []))
        table[table.t < 20].to_csv(paths[0], index=False)
        (only,) = found()
        assert only.fov_name == "A/1/0"
        assert re.search(reason, only.reason)

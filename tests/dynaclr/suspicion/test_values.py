from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from scipy.stats import binomtest

from dynaclr.base.errors import ConfigError
from dynaclr.curation import MarkKind, Verdict
from dynaclr.suspicion import Finding, error_rate, links_of, ranked, sample_links
from dynaclr.suspicion.values import drifts, frame_outliers, one_frame_tracks, unequal_divisions, value_jumps
from dynaclr.tracks.lineage import build_forest
from dynaclr.tracks.table import CellTable, build_table


def table_of(
    lengths: list[tuple[int, int]], parents: list[int], frames: int = 40, **extra: np.ndarray
) -> CellTable:
    """One FOV; a track is (first frame, number of frames)."""
    t = np.concatenate([np.arange(first, first + count) for first, count in lengths])
    track = np.repeat(np.arange(len(lengths)), [count for _, count in lengths])
    columns = {"t": t, "y": np.zeros(t.size), "x": np.zeros(t.size), **extra}
    fov = np.zeros(len(lengths), dtype=np.int64)
    return build_table(
        columns, track, np.arange(len(lengths)), fov, build_forest(np.array(parents)), np.array([frames])
    )


def test_an_area_that_jumps_is_found_where_it_jumps() -> None:
    rng = np.random.Generator(np.random.Philox(4))
    area = 200 * np.exp(rng.normal(0, 0.05, 90))
    area[40:45] *= 2.5  # track 1, frames 10 to 14
    table = table_of([(0, 30)] * 3, [-1] * 3, area=area)
    links = links_of(table)
    evidence = value_jumps(table, links, table.extra["area"], ratio=True)
    found = links.later[np.argsort(evidence)[-2:]]
    assert sorted(zip(table.track[found].tolist(), table.t[found].tolist(), strict=True)) == [
        (1, 10),
        (1, 15),
    ]
    assert np.sort(evidence)[-2] > 1 > np.sort(evidence)[-3]
    blank = np.full(90, np.nan)
    assert not value_jumps(table, links, blank, ratio=False).any()


def test_daughters_that_do_not_add_up_to_their_mother() -> None:
    area = np.r_[np.full(5, 100.0), np.full(5, 55.0), np.full(5, 50.0)]
    area = np.r_[area, np.full(5, 100.0), np.full(5, 95.0), np.full(5, 110.0)]
    lengths = [(0, 5), (5, 5), (5, 5)] * 2
    table = table_of(lengths, [-1, 0, 0, -1, 3, 3], area=area)
    links = links_of(table)
    evidence, share = unequal_divisions(table, links, table.extra["area"])
    division = links.division
    assert np.round(share[division], 2).tolist() == [1.05, 1.05, 2.05, 2.05]
    assert (evidence[division] > 1).tolist() == [False, False, True, True]
    assert np.isnan(share[~division]).all()
    single = table_of([(0, 5), (5, 5)], [-1, 0], area=np.full(10, 100.0))
    assert not unequal_divisions(single, links_of(single), single.extra["area"])[0].any()


def test_tracks_of_one_frame() -> None:
    table = table_of([(0, 1), (0, 5), (5, 1), (0, 3), (3, 1)], [-1, -1, 1, -1, -1])
    every = np.ones(len(table), dtype=bool)
    assert table.track_id[table.track[one_frame_tracks(table, every)]].tolist() == [0, 4]
    left_out = table.track != table.track[one_frame_tracks(table, every)[0]]
    assert table.track_id[table.track[one_frame_tracks(table, left_out)]].tolist() == [4]


def test_frames_off_the_others_and_drift() -> None:
    rng = np.random.Generator(np.random.Philox(5))
    frame = np.repeat(np.arange(60), 10)  # two FOVs of 30 frames
    values = rng.normal(100, 3, 600)
    values[frame == 12] -= 40
    values[frame >= 30] *= 1 + (frame[frame >= 30] - 30) / 29  # the second FOV becomes twice as bright
    values[frame == 7] = np.nan
    seen = np.isfinite(values)
    first = np.array([0, 30, 60])
    score, middle = frame_outliers(frame[seen], first, values[seen])
    assert np.flatnonzero(np.abs(score) > 6).tolist() == [12]
    assert score[12] < 0
    assert np.isnan(middle[7])
    assert score[7] == 0
    drift = drifts(frame[seen], first, values[seen])
    assert abs(drift[0]) < 0.05
    assert 0.5 < drift[1] < 1


def test_samples_are_random_and_go_on() -> None:
    table = table_of([(0, 40)] * 20, [-1] * 20)
    links = links_of(table)
    few, more = sample_links(links, 50, seed=3), sample_links(links, 200, seed=3)
    assert more.later[:50].tolist() == few.later.tolist()
    assert np.unique(more.later).size == 200
    assert sample_links(links, 50, seed=4).later.tolist() != few.later.tolist()
    assert len(sample_links(links, 10**6)) == len(links)
    counts = np.bincount(np.concatenate([sample_links(links, 78, seed).later for seed in range(200)]))
    counts = counts[np.unique(links.later)]
    assert counts.min() > 5  # expected 20 of 200
    assert counts.max() < 40
    with pytest.raises(ConfigError, match="size"):
        sample_links(links, 0)


@pytest.mark.parametrize(("wrong", "judged"), [(0, 50), (3, 200), (200, 200), (1, 1), (17, 40)])
def test_the_interval_is_that_of_wilson(wrong: int, judged: int) -> None:
    result = error_rate(wrong, judged)
    expected = binomtest(wrong, judged).proportion_ci(0.95, method="wilson")
    assert (result.low, result.high) == pytest.approx((expected.low, expected.high))
    assert result.rate == wrong / judged


def test_error_rates_of_nothing_and_of_nonsense() -> None:
    nothing = error_rate(0, 0)
    assert (nothing.low, nothing.high) == (0, 1)
    with pytest.raises(ConfigError, match="3 of 2"):
        error_rate(3, 2)
    assert str(error_rate(2, 200)) == "2 of 200 links wrong: 1.00 % (95 %: 0.27-3.57 %)"


def finding(score: float, check: str, kind: MarkKind = MarkKind.LINK, **where: object) -> Finding:
    where = {"row": 5, "track_id": 3, "t": 7, "parent_track_id": 3, "y": 1.5, "x": 2.5} | where
    return Finding(score, kind, check, check, "june", "A/1/0", **where)


def test_findings_on_one_thing_become_one() -> None:
    result = ranked(
        [
            finding(2, "jump"),
            finding(1, "one frame", MarkKind.TRACK),
            finding(5, "swap"),
            finding(9, "jump", row=6, t=8),
        ]
    )
    assert [(item.score, item.reason) for item in result] == [
        (9, "jump"),
        (5, "swap; jump"),
        (1, "one frame"),
    ]
    time = datetime(2026, 1, 31, tzinfo=UTC)
    mark = result[1].mark(Verdict.EXCLUDE, "anna", time)
    assert mark.subject == ("link", "june", "A/1/0", 3, 7, -1)
    assert (mark.y, mark.x, mark.reason) == (1.5, 2.5, "swap; jump")
    of_fov = Finding(120, MarkKind.FOV, "units", "micrometers", "june", "A/1/0", t=4)
    assert of_fov.mark(Verdict.UNSURE, "anna", time).t is None

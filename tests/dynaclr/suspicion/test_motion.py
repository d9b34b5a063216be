"""Links by places alone, against slow loops, and with faults put in."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynaclr.suspicion import links_of, suspects
from dynaclr.suspicion.motion import far_daughters, jumps, neighbor_px, step_px, swaps
from dynaclr.suspicion.robust import group_median, robust_scores
from dynaclr.tracks.lineage import build_forest
from dynaclr.tracks.table import CellTable, build_table


def table_of(tracks: list[dict[str, Any]], n_fovs: int = 1, frames: int = 40, **extra: Any) -> CellTable:
    """Table of tracks {fov, id, parent position, t, y, x} in the order of FOVs."""
    t = np.concatenate([np.asarray(item["t"], dtype=np.int64) for item in tracks])
    columns = {"t": t, **extra}
    columns |= {name: np.concatenate([np.asarray(item[name], float) for item in tracks]) for name in "yx"}
    return build_table(
        columns,
        np.repeat(np.arange(len(tracks)), [len(item["t"]) for item in tracks]),
        np.array([item.get("id", number) for number, item in enumerate(tracks)], dtype=np.int64),
        np.array([item.get("fov", 0) for item in tracks]),
        build_forest(np.array([item.get("parent", -1) for item in tracks])),
        np.full(n_fovs, frames),
    )


@st.composite
def tables(draw: st.DrawFn) -> CellTable:
    rng = np.random.Generator(np.random.Philox(draw(st.integers(0, 1000))))
    tracks: list[dict[str, Any]] = []
    for fov in range(2):
        for _ in range(draw(st.integers(1, 5))):
            mothers = [i for i, item in enumerate(tracks) if item["fov"] == fov and item["t"][-1] < 5]
            parent = draw(st.sampled_from([-1, *mothers]))
            low = 0 if parent < 0 else tracks[parent]["t"][-1] + 1
            t = sorted(draw(st.sets(st.integers(low, 7), min_size=1)))
            places = rng.uniform(0, 30, (2, len(t)))
            tracks.append({"fov": fov, "parent": parent, "t": t, "y": places[0], "x": places[1]})
    return table_of(tracks, 2, 8)


def slow_links(table: CellTable) -> dict[int, tuple[int, bool]]:
    found = {}
    for row in range(len(table)):
        track = int(table.track[row])
        for home, division in ((track, False), (int(table.forest.parent[track]), True)):
            before = [r for r in range(len(table)) if table.track[r] == home and table.t[r] < table.t[row]]
            if before:
                found[row] = (max(before, key=lambda r: table.t[r]), division)
                break
    return found


@settings(deadline=None, max_examples=50)
@given(tables())
def test_links_neighbors_and_swaps_are_those_of_loops(table: CellTable) -> None:
    links = links_of(table)
    expected = slow_links(table)
    assert links.later.tolist() == sorted(expected)
    assert [(a, b) for a, b in zip(links.earlier, links.division, strict=True)] == [
        expected[row] for row in sorted(expected)
    ]

    def far(a: int, b: int) -> float:
        return float(np.hypot(table.y[a] - table.y[b], table.x[a] - table.x[b]))

    frame = table.frame_of()
    nearest = [
        min((far(a, b) for b in range(len(table)) if b != a and frame[b] == frame[a]), default=np.inf)
        for a in range(len(table))
    ]
    assert np.allclose(neighbor_px(table), nearest)
    usual = np.full(len(links), 1.0)
    pairs = set()
    for one in range(len(links)):
        for two in range(one + 1, len(links)):
            a, b, c, d = (
                int(v) for v in (links.earlier[one], links.later[one], links.earlier[two], links.later[two])
            )
            if (frame[a], frame[b]) != (frame[c], frame[d]) or a == c:
                continue
            if far(a, d) < far(a, b) and far(c, b) < far(c, d):
                saved = far(a, b) + far(c, d) - far(a, d) - far(c, b)
                if saved > 2:
                    pairs.add((one, two))
    found = swaps(table, links, usual)
    assert set(zip(found.first.tolist(), found.second.tolist(), strict=True)) == pairs


def test_excluded_observations_have_no_links() -> None:
    table = table_of([{"t": [0, 1, 2, 3], "y": [0] * 4, "x": [0] * 4}])
    assert links_of(table, np.array([True, True, False, True])).later.tolist() == [1]


def test_medians_and_spreads_are_those_of_numpy() -> None:
    rng = np.random.Generator(np.random.Philox(1))
    groups = rng.integers(0, 4, 200)
    groups[groups == 2] = 3
    values = rng.normal(size=200) + groups
    middle = group_median(values, groups, 4)
    assert np.isnan(middle[2])
    for group in (0, 1, 3):
        own = values[groups == group]
        assert middle[group] == pytest.approx(np.median(own))
        spread = 1.4826 * np.median(np.abs(own - np.median(own)))
        score, center = robust_scores(values, groups, 4, 1e-9)
        assert score[groups == group] == pytest.approx((own - np.median(own)) / spread)
        assert np.all(center[groups == group] == middle[group])


def test_a_jump_needs_another_cell_that_could_be_meant() -> None:
    rng = np.random.Generator(np.random.Philox(2))
    t = list(range(30))
    calm = [
        {"t": t, "y": 100 * k + rng.normal(0, 1, 30), "x": 50 + rng.normal(0, 1, 30)} for k in range(1, 6)
    ]
    lonely, crowded = calm[0], calm[4]
    lonely["x"][15:] += 20  # nobody is near
    crowded["x"][15:] += 20
    calm.append({"t": t, "y": crowded["y"] + 8, "x": np.full(30, 70.0)})
    table = table_of(calm)
    links = links_of(table)
    evidence, usual = jumps(table, links, neighbor_px(table))
    big = np.flatnonzero(step_px(table, links) > 15)
    by_track = {int(table.track_id[table.track[links.later[link]]]): evidence[link] for link in big}
    assert by_track[0] < 1 < by_track[4]
    assert 0.5 < np.median(usual) < 3
    assert np.delete(evidence, big).max() < 1.2


def test_daughters_far_from_their_mother() -> None:
    tracks: list[dict[str, Any]] = []
    for k in range(10):
        y = 100.0 * k
        tracks.append({"t": range(5), "y": [y] * 5, "x": [50.0] * 5})
        for side in (-6, 6 if k != 7 else 45):
            tracks.append({"t": range(5, 10), "parent": 3 * k, "y": [y + side] * 5, "x": [50.0 + k % 3] * 5})
    table = table_of(tracks)
    links = links_of(table)
    home = np.zeros(len(links), dtype=np.int64)
    evidence = far_daughters(table, links, home, np.full(len(links), 1.0), neighbor_px(table))
    assert table.track_id[table.track[links.later[evidence > 1]]].tolist() == [23]
    assert np.all(evidence[~links.division] == 0)


def crowd(n_fovs: int, cells: int, frames: int, seed: int) -> tuple[CellTable, set[int]]:
    """Random walks with 2 % of the links exchanged with a neighbor, and the rows where they arrive."""
    rng = np.random.Generator(np.random.Philox(seed))
    grid = np.stack(np.meshgrid(np.arange(cells), np.arange(cells), indexing="ij"), -1).reshape(-1, 2) * 25.0
    count = grid.shape[0]
    walk = grid[None, :, None] + rng.normal(0, 2, (n_fovs, count, frames, 2)).cumsum(axis=2)
    number = np.tile(np.arange(count)[:, None], (n_fovs, 1, frames))
    arrivals: set[tuple[int, int, int]] = set()
    for fov in range(n_fovs):
        for _ in range(round(0.01 * count * (frames - 1))):
            cell, t = int(rng.integers(count)), int(rng.integers(1, frames))
            away = np.hypot(*(walk[fov, :, t - 1] - walk[fov, cell, t - 1]).T)
            away[cell] = np.inf
            other = int(away.argmin())
            if {(fov, cell, t), (fov, other, t)} & arrivals:
                continue
            arrivals |= {(fov, cell, t), (fov, other, t)}
            later = number[fov, :, t:]  # a view: whoever has one of the two ids from t on gets the other
            ids = later[cell, 0], later[other, 0]
            places = later == ids[0], later == ids[1]
            later[places[0]], later[places[1]] = ids[1], ids[0]
    flat = (np.arange(n_fovs)[:, None, None] * count + number).ravel()
    t = np.tile(np.arange(frames), n_fovs * count)
    wrong = np.zeros((n_fovs, count, frames))
    for place in arrivals:
        wrong[place] = 1
    columns = {"t": t, "y": walk[..., 0].ravel(), "x": walk[..., 1].ravel(), "wrong": wrong.ravel()}
    fov = np.repeat(np.arange(n_fovs), count)
    table = build_table(
        columns,
        flat,
        np.tile(np.arange(count), n_fovs),
        fov,
        build_forest(np.full(fov.size, -1)),
        np.full(n_fovs, frames),
    )
    return table, set(np.flatnonzero(table.extra["wrong"]).tolist())


def layout_of(name: str, frames: int) -> Any:
    return SimpleNamespace(name=name, shape=(frames, 1, 1, 999, 999), scale=(1.0,) * 5)


def bare_index(table: CellTable, n_fovs: int, frames: int) -> Any:
    """What `suspects` reads of an index where it reads no pixels."""
    fovs = [SimpleNamespace(layout=layout_of(f"A/1/{k}", frames), experiment=0) for k in range(n_fovs)]
    return SimpleNamespace(
        table=table,
        exclusion=np.zeros(len(table), dtype=np.uint8),
        fovs=fovs,
        registry=SimpleNamespace(names=("crowd",)),
        fov_experiment=np.zeros(n_fovs, dtype=np.int32),
        fov_image_yx=np.full((n_fovs, 2), 999),
        near_border=lambda rows: np.zeros(len(table), dtype=bool),
    )


def test_exchanged_links_fill_the_top_of_the_list() -> None:
    table, wrong = crowd(25, 10, 40, 3)
    assert len(table) == 100_000
    assert 1500 < len(wrong) < 2100
    index = bare_index(table, 25, 40)
    findings = suspects(index)
    hits = [item.row in wrong for item in findings]
    assert np.mean(hits) > 0.98
    assert np.mean(hits[: len(wrong) // 2]) > 0.99
    assert sum(hits) > 0.93 * len(wrong)  # the others lie nearer to each other than a usual step
    assert "looks swapped with track" in findings[0].reason


def test_links_looked_up_in_parts_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    table, _ = crowd(2, 5, 12, 3)
    links = links_of(table)
    _, usual = jumps(table, links, neighbor_px(table))
    whole, ticks = swaps(table, links, usual), []
    monkeypatch.setattr("dynaclr.suspicion.motion._AT_ONCE", 7)
    parts = swaps(table, links, usual, lambda: ticks.append(1))
    assert len(ticks) == -(-len(links) // 7)
    assert whole.first.size
    for name in ("first", "second", "saved_px", "evidence"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name))


def test_a_search_without_pixels_can_be_given_up_at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    class GivenUp(Exception):
        pass

    table, _ = crowd(2, 5, 12, 3)
    index = bare_index(table, 2, 12)
    monkeypatch.setattr("dynaclr.suspicion.motion._AT_ONCE", 100)
    told: list[str] = []
    suspects(index, progress=lambda step, done, total: told.append(step))
    assert {"neighbors", "jumps", "swapped links", "tables"} == set(told)
    for last in range(len(told)):
        seen: list[str] = []

        def tell(step: str, done: int, total: int, last: int = last, seen: list[str] = seen) -> None:
            if len(seen) == last:
                raise GivenUp
            seen.append(step)

        with pytest.raises(GivenUp):
            suspects(index, progress=tell)
        assert len(seen) == last

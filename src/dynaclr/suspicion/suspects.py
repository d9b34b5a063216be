"""Everything suspicious of an index, the most suspicious first; the measures are in the other modules."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from dynaclr.curation import MarkKind
from dynaclr.index import Exclusion
from dynaclr.suspicion.evidence import REVIEW
from dynaclr.suspicion.finding import Finding, ranked
from dynaclr.suspicion.judging import judge_fovs
from dynaclr.suspicion.links import links_of
from dynaclr.suspicion.motion import far_daughters, jumps, neighbor_px, step_px, swaps
from dynaclr.suspicion.pixels import CellPixels, read_cells, read_views
from dynaclr.suspicion.placement_text import placement_reasons
from dynaclr.suspicion.values import drifts, frame_outliers, one_frame_tracks, unequal_divisions, value_jumps

if TYPE_CHECKING:
    from dynaclr.index import MultiExperimentIndex

AREA_COLUMNS = ("area",)
"""Columns of sizes, if the track files have them: changes count as ratios."""
VALUE_COLUMNS = ("intensity", "intensity_mean", "mean_intensity")
"""Columns of intensities, if the track files have them."""

_LEAST = 1.0
_MOST = 50.0  # of what is not a whole FOV
_WHOLE_FOV = 100.0
_ONE_FRAME, _BORDER, _FROM_ONE = 1.2, 1.0, 1.5
_BORDER_SHARE = 0.5
_LIMIT_SPREADS = 6.0
_DRIFT_LIMIT = 0.5
_TOLD_EVERY = 1000

Tell = Callable[[str, int, int], None]
Floats = npt.NDArray[np.float64]


def suspects(
    index: MultiExperimentIndex,
    *,
    pixels: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[Finding]:
    """Return findings on links, tracks, frames and FOVs, the most suspicious first.

    Observations that marks exclude are left out, and so are links that marks cut.

    Parameters
    ----------
    index
        The observations.
    pixels
        Whether to read pixels too: a few frames of every FOV and a small box at every cell.
    progress
        Called with (what is done, done, all), often enough that the search can be given up by raising.
    """
    tell = progress or (lambda step, done, total: None)
    return ranked(_Search(index).findings(pixels, tell))


class _Search:
    """The observations of an index with what several checks need."""

    def __init__(self, index: MultiExperimentIndex) -> None:
        self.index, self.table = index, index.table
        self.use = index.exclusion != Exclusion.EXCLUDED
        self.links = links_of(self.table, self.use)
        self.fov_names = [entry.layout.name for entry in index.fovs]
        self.experiments = [index.registry.names[entry.experiment] for entry in index.fovs]

    def findings(self, pixels: bool, tell: Tell) -> Iterator[Finding]:
        """Yield what every check finds; `tell` is called between findings and between long steps."""
        checks = (self.motion(tell), self.columns(), self.tracks(), self.tables())
        for place, check in enumerate(checks):
            for number, finding in enumerate(check):
                if number % _TOLD_EVERY == 0:
                    tell("tables", place, len(checks))
                yield finding
        if pixels:
            rows = np.flatnonzero(self.use & self.index.readable)
            cells = read_cells(self.index, rows, lambda done, total: tell("cells", done, total))
            yield from self.appearance(rows, cells)
            yield from self.placement(tell)

    def motion(self, tell: Tell) -> Iterator[Finding]:
        """Jumps, swapped links, daughters far away."""
        table, links = self.table, self.links
        tell("neighbors", 0, 3)
        neighbor = neighbor_px(table)
        tell("jumps", 1, 3)
        distance = step_px(table, links)
        jump, usual = jumps(table, links, neighbor)
        for link in np.flatnonzero(jump > _LEAST).tolist():
            near = neighbor[links.earlier[link]]
            reason = (
                f"jumps {distance[link]:.1f} px, typical {usual[link]:.1f} px; next cell at {near:.1f} px"
            )
            yield self.link(link, jump[link], "jump", reason)
        found = swaps(table, links, usual, lambda: tell("swapped links", 2, 3))
        for one, two in ((found.first, found.second), (found.second, found.first)):
            for link, other, saved, score in zip(
                one.tolist(), two.tolist(), found.saved_px, found.evidence, strict=True
            ):
                name = table.track_id[table.track[links.later[other]]]
                reason = f"looks swapped with track {name}: both paths would be {saved:.1f} px shorter"
                yield self.link(link, score, "swap", reason)
        home = self.index.fov_experiment[table.fov_of(links.later)]
        far = far_daughters(table, links, home, usual, neighbor)
        for link in np.flatnonzero(far > _LEAST).tolist():
            yield self.link(
                link, far[link], "daughter", f"daughter is {distance[link]:.1f} px from its mother"
            )

    def columns(self) -> Iterator[Finding]:
        """Jumps of areas and intensities that the track files hold, and unequal divisions."""
        for name in (*AREA_COLUMNS, *VALUE_COLUMNS):
            values = self.table.extra.get(name)
            if values is None or values.dtype.kind not in "fiu":
                continue
            yield from self.value(name, np.asarray(values, dtype=np.float64), name in AREA_COLUMNS)
            if name in AREA_COLUMNS:
                evidence, share = unequal_divisions(
                    self.table, self.links, np.asarray(values, dtype=np.float64)
                )
                for link in np.flatnonzero(evidence > _LEAST).tolist():
                    reason = f"the daughters' total area is {share[link]:.2f} of the mother's"
                    yield self.link(link, evidence[link], "division", reason)

    def value(self, name: str, values: Floats, ratio: bool) -> Iterator[Finding]:
        """Jumps of one measured value."""
        links = self.links
        evidence = value_jumps(self.table, links, values, ratio=ratio)
        for link in np.flatnonzero(evidence > _LEAST).tolist():
            before, after = values[links.earlier[link]], values[links.later[link]]
            reason = f"{name} jumps from {_number(before)} to {_number(after)}"
            yield self.link(link, evidence[link], name, reason)

    def tracks(self) -> Iterator[Finding]:
        """Tracks of one frame, and tracks along the border."""
        table = self.table
        for row in one_frame_tracks(table, self.use).tolist():
            yield self.cell(MarkKind.TRACK, row, _ONE_FRAME, "one frame", "observed in one frame only")
        moved = self.index.near_border(slice(None)) & self.use
        all_rows = np.bincount(table.track[self.use], minlength=table.n_tracks)
        share = np.bincount(table.track[moved], minlength=table.n_tracks) / np.maximum(all_rows, 1)
        first = table.first_rows
        for track in np.flatnonzero((share >= _BORDER_SHARE) & (all_rows > 0)).tolist():
            reason = (
                f"patch is shifted off center by the image border in {100 * share[track]:.0f} % of its frames"
            )
            yield self.cell(MarkKind.TRACK, int(first[track]), _BORDER * share[track], "border", reason)

    def tables(self) -> Iterator[Finding]:
        """Find tables that are equal, or have 1-based frames; reads no pixels."""
        table, index = self.table, self.index
        seen: dict[bytes, int] = {}
        for fov in range(len(self.fov_names)):
            rows = table.rows(fov)
            count = rows.stop - rows.start
            if not count:
                continue
            content = b"".join(column[rows].tobytes() for column in (table.t, table.y, table.x))
            other = seen.setdefault(content, fov)
            if other != fov and count > 1:
                name = f"{self.experiments[other]}/{self.fov_names[other]}"
                yield self.fov(fov, _WHOLE_FOV + 50, "table", f"track table is identical to that of {name}")
            frames = index.fovs[fov].layout.shape[0]
            if table.t[rows].min() == 1 and table.t[rows].max() == frames - 1 and frames > 2:
                ones = int(np.count_nonzero(table.t[rows] == 1))
                text = f"no cell at frame 0 but {ones} at frame 1: frames may be 1-based"
                yield self.fov(fov, _FROM_ONE, "frames", text)

    def appearance(self, rows: npt.NDArray[np.int64], cells: CellPixels) -> Iterator[Finding]:
        """Jumps of brightness, blurred frames and drift, from a box at every cell."""
        table = self.table
        frame, first = table.frame_of(rows), table.fov_first_frame
        for channel, (intensity, sharpness) in enumerate(zip(cells.intensity, cells.sharpness, strict=True)):
            values = np.full(len(table), np.nan)
            values[rows] = intensity
            yield from self.value(f"intensity of channel {channel}", values, ratio=False)
            blur, _ = frame_outliers(frame, first, sharpness)
            light, _ = frame_outliers(frame, first, intensity)
            for score, what in ((np.maximum(-blur, 0), "out of focus"), (np.abs(light), "brightness")):
                for number in np.flatnonzero(score > _LIMIT_SPREADS).tolist():
                    fov = int(np.searchsorted(first, number, side="right")) - 1
                    text = f"{what}: channel {channel} is {score[number]:.1f} MADs away from the other frames"
                    yield self.fov(fov, score[number] / _LIMIT_SPREADS, what, text, number - int(first[fov]))
            for fov, drift in enumerate(drifts(frame, first, intensity)):
                if abs(drift) > _DRIFT_LIMIT:
                    text = (
                        f"brightness of channel {channel} drifts by {100 * drift:+.0f} % over the recording"
                    )
                    yield self.fov(fov, abs(drift) / _DRIFT_LIMIT, "drift", text)

    def placement(self, tell: Tell) -> Iterator[Finding]:
        """FOVs whose centroids do not lie on cells, and what would fit."""
        for code in np.unique(self.index.fov_experiment).tolist():
            fovs = np.flatnonzero(self.index.fov_experiment == code).tolist()
            fovs = [fov for fov in fovs if self.table.t[self.table.rows(fov)].size]
            views = read_views(self.index, fovs, lambda done, total: tell("frames", done, total))
            names = [self.fov_names[fov] for fov in fovs]
            verdicts = judge_fovs(views, names, REVIEW)
            for number, text in placement_reasons(verdicts, names).items():
                verdict = verdicts[number]
                check = "frames" if verdict.best_agreement > verdict.agreement else "placement"
                yield self.fov(fovs[number], _WHOLE_FOV + verdict.certainty, check, text)

    def link(self, link: int, score: float, check: str, reason: str) -> Finding:
        """Return a finding on a link, placed where it arrives."""
        row = int(self.links.later[link])
        parent = int(self.table.track_id[self.table.track[self.links.earlier[link]]])
        return self.cell(MarkKind.LINK, row, score, check, reason, parent)

    def cell(
        self, kind: MarkKind, row: int, score: float, check: str, reason: str, parent: int | None = None
    ) -> Finding:
        table = self.table
        fov = int(table.track_fov[table.track[row]])
        return Finding(
            min(float(score), _MOST),
            kind,
            check,
            reason,
            self.experiments[fov],
            self.fov_names[fov],
            row,
            int(table.track_id[table.track[row]]),
            int(table.t[row]),
            parent,
            float(table.y[row]),
            float(table.x[row]),
        )

    def fov(self, fov: int, score: float, check: str, reason: str, t: int | None = None) -> Finding:
        value = min(float(score), _MOST) if score < _WHOLE_FOV else float(score)
        return Finding(value, MarkKind.FOV, check, reason, self.experiments[fov], self.fov_names[fov], t=t)


def _number(value: float) -> str:
    """Return a value with four digits or more, without an exponent where a person reads it easily."""
    return f"{value:.0f}" if 1e4 <= abs(value) < 1e7 else f"{value:.4g}"

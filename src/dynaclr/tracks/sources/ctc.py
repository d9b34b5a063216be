"""Masks and table of the Cell Tracking Challenge: a label is a track, its center in a mask an observation."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dynaclr.base import keys
from dynaclr.base.errors import MAX_LISTED, DataError, listing, problem
from dynaclr.tracks.graph import Columns
from dynaclr.tracks.sources.ctc_files import mask_files, read_image, read_lbep, track_tables
from dynaclr.tracks.sources.found import Found, SourceOptions
from dynaclr.tracks.sources.label_centers import label_centers


@dataclass(slots=True)
class LabelCounts:
    """How table and masks fit.

    Attributes
    ----------
    divisions
        Labels that are the parent of several.
    reappearances
        Tracks that continue another after a gap: they keep its id.
    beside_parent
        Daughters that begin while their parent goes on.
    cut_off
        Labels whose tracks end, by the table, after the last frame.
    missing_labels, extra_labels
        (frame, label) that the table has and the masks lack, and the reverse.
    """

    divisions: int = 0
    reappearances: int = 0
    beside_parent: int = 0
    cut_off: list[int] = field(default_factory=list)
    missing_labels: list[tuple[int, int]] = field(default_factory=list)
    extra_labels: list[tuple[int, int]] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """Yield what a person should know."""
        if self.beside_parent:
            yield f"{self.beside_parent} daughters begin while their parent goes on"
        if self.cut_off:
            what = f"{len(self.cut_off)} tracks end after the last frame by the table"
            yield f"{what}: labels {listing(self.cut_off)}"
        for title, items in (
            ("in the table but not in the masks", self.missing_labels),
            ("in the masks but not in the table (left out)", self.extra_labels),
        ):
            if items:
                shown = ", ".join(f"frame {t}: {label}" for t, label in items[:MAX_LISTED])
                yield f"{len(items)} labels {title}: {shown}{' ...' if len(items) > MAX_LISTED else ''}"


def recognizes(path: Path, _head: bytes) -> bool:
    """Return whether a folder holds a table of tracks beside masks."""
    return path.is_dir() and bool(track_tables(path))


def read(path: Path, _options: SourceOptions) -> Found:
    """Return the centers of all labels of the table."""
    masks = mask_files(path)
    rows = [np.empty((0, 5))]
    for t, mask in masks.items():
        labels, centers = label_centers(read_image(mask))
        rows.append(np.column_stack([np.full(labels.size, t), labels, centers]))
    table = track_tables(path)[0]
    columns, counts = label_tracks(np.concatenate(rows), read_lbep(table), list(masks), table)
    found = Found(columns)
    found.counts.notes += [f"{counts.reappearances} re-appearances after a gap", *counts.lines()]
    return found


def label_tracks(
    rows: npt.NDArray[np.float64], lbep: npt.NDArray[np.int64], frames: Sequence[int], file: Path
) -> tuple[Columns, LabelCounts]:
    """Return the columns of a track file; a single child continues its parent's track.

    Parameters
    ----------
    rows
        (n, 5) frame, label, z, y, x of every label of the masks.
    lbep
        (n, 4) label, begin, end, parent (0 for none).
    frames
        Frames that there are masks of, ascending; one at least.
    file
        The table, for messages.

    Raises
    ------
    DataError
        If labels are their own ancestors.
    """
    counts = LabelCounts()
    identity, parent = _identities(lbep, counts, file)
    spans = {int(label): (int(begin), int(end)) for label, begin, end, _ in lbep}
    counts.cut_off = [label for label, (_, end) in spans.items() if end > frames[-1]]
    seen = {(int(t), int(label)) for t, label in rows[:, :2]}
    counts.missing_labels = [
        (t, label)
        for label, (begin, end) in spans.items()
        for t in frames[bisect_left(frames, begin) : bisect_right(frames, end)]
        if (t, label) not in seen
    ]
    counts.extra_labels = sorted(
        (t, label) for t, label in seen if label not in spans or not spans[label][0] <= t <= spans[label][1]
    )
    extra = set(counts.extra_labels)
    kept = np.array([(int(t), int(label)) not in extra for t, label in rows[:, :2]], dtype=bool)
    t, label = rows[kept, 0].astype(np.int64), rows[kept, 1].astype(np.int64)
    track = np.array([identity[number] for number in label.tolist()], dtype=np.int64)
    order = np.lexsort((t, track))
    columns = {
        keys.TRACK_ID: track,
        keys.T: t,
        keys.ID: (t + 1) * max(1_000_000, 10 ** len(str(label.max(initial=0)))) + label,
        keys.PARENT_TRACK_ID: np.array([parent[number] for number in track.tolist()], dtype=np.int64),
        keys.Z: rows[kept, 2],
        keys.Y: rows[kept, 3],
        keys.X: rows[kept, 4],
    }
    return {name: values[order] for name, values in columns.items()}, counts


def _identities(
    lbep: npt.NDArray[np.int64], counts: LabelCounts, file: Path
) -> tuple[dict[int, int], dict[int, int]]:
    """Return {label: track id} and {track id: parent track id or -1}.

    A parent with one child is a re-appearance after a gap, not a division; but for a child that begins
    while its parent goes on, such as a bud: that is a daughter.
    """
    spans = {label: (begin, end) for label, begin, end, _ in lbep.tolist()}
    children: dict[int, list[int]] = {}
    for label, _, _, mother in lbep.tolist():
        if mother:
            children.setdefault(mother, []).append(label)
    counts.divisions = sum(len(items) > 1 for items in children.values())
    continued = {
        mother: items[0]
        for mother, items in children.items()
        if len(items) == 1 and spans[items[0]][0] > spans[mother][1]
    }
    counts.reappearances = len(continued)
    counts.beside_parent = sum(
        spans[child][0] <= spans[mother][1] for mother, items in children.items() for child in items
    )
    mothers = {label: mother for label, _, _, mother in lbep.tolist()}
    identity: dict[int, int] = {}
    for label in mothers:
        here, chain = label, {label}
        while (mother := mothers[here]) and continued.get(mother) == here:
            here = mother
            if here in chain:
                raise DataError(
                    problem(
                        "tracks are their own ancestors (cycle)",
                        file=file,
                        found=" -> ".join(map(str, sorted(chain))),
                    )
                )
            chain.add(here)
        identity[label] = here
    parent = {track: identity[mothers[track]] if mothers[track] else -1 for track in set(identity.values())}
    return identity, parent

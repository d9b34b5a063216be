"""Views of the index for people: pandas frames and labels; the arrays of the index are the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dynaclr.base import keys
from dynaclr.index.arrays import IndexArrays
from dynaclr.tracks import CellTable

if TYPE_CHECKING:
    import pandas as pd


def codes(
    arrays: IndexArrays, table: CellTable, column: str, rows: npt.NDArray[np.integer] | slice
) -> tuple[npt.NDArray[np.int32], tuple[str, ...]]:
    """Return a text column of table rows as (codes, labels)."""
    fov = table.fov_of(rows)
    if column == keys.EXPERIMENT:
        return arrays.fov_experiment[fov], arrays.registry.names
    if column == keys.CONDITION:
        return arrays.fov_condition[fov], arrays.condition_names
    if column == keys.WELL:
        return arrays.fov_well[fov], arrays.well_names
    if column == keys.FOV_NAME:
        return fov, arrays.positions
    options = (keys.EXPERIMENT, keys.CONDITION, keys.WELL, keys.FOV_NAME)
    raise KeyError(f"no text column '{column}'; there are {', '.join(options)}")


def track_labels(arrays: IndexArrays, table: CellTable) -> npt.NDArray[np.object_]:
    """Return "{experiment}_{fov_name}_{track_id}" of every track; later parts of a cut one add "@{frame}"."""
    names = arrays.registry.names
    prefixes = [f"{names[entry.experiment]}_{entry.layout.name}_" for entry in arrays.fovs]
    pairs = zip(table.track_fov.tolist(), table.track_id.tolist(), strict=True)
    labels = np.array([prefixes[fov] + str(number) for fov, number in pairs], dtype=object)
    start = table.t[table.first_rows]
    order = np.lexsort((start, table.track_id, table.track_fov))
    again = (np.diff(table.track_id[order]) == 0) & (np.diff(table.track_fov[order]) == 0)
    for track in order[1:][again].tolist():
        labels[track] += f"@{start[track]}"
    return labels


def tracks_frame(arrays: IndexArrays, table: CellTable, rows: npt.NDArray[np.integer]) -> pd.DataFrame:
    """Return table rows with the columns of `MultiExperimentIndex.tracks`; text is categorical."""
    import pandas as pd

    names = arrays.registry.names
    track, fov = table.track[rows], table.fov_of(rows)
    labels = track_labels(arrays, table)
    parent = table.forest.parent[track]
    parent_id = np.where(parent >= 0, table.track_id[parent], keys.NO_PARENT)
    center_y, center_x = arrays.patch_centers(table, rows)
    columns: dict[str, Any] = {keys.TRACK_ID: table.track_id[track], keys.T: table.t[rows]}
    columns |= {name: values[rows] for name, values in table.extra.items()}
    columns |= {keys.PARENT_TRACK_ID: parent_id, keys.Y: table.y[rows], keys.X: table.x[rows]}

    def category(number: npt.NDArray[np.integer], options: Any) -> Any:
        return pd.Categorical.from_codes(number, categories=pd.Index(options))

    well = pd.factorize(np.array([entry.layout.well for entry in arrays.fovs], dtype=object))
    fov_name = pd.factorize(np.array([entry.layout.name for entry in arrays.fovs], dtype=object))
    # the last channel that is trained on is by convention the fluorescent one
    last = [config.source_channel[-1] for config in arrays.registry.experiments]
    channel = pd.factorize(np.array(last, dtype=object))
    columns |= {
        keys.EXPERIMENT: category(arrays.fov_experiment[fov], names),
        keys.CONDITION: category(arrays.fov_condition[fov], arrays.condition_names),
        keys.WELL_NAME: category(well[0][fov], well[1]),
        keys.FOV_NAME: category(fov_name[0][fov], fov_name[1]),
        keys.GLOBAL_TRACK_ID: category(track, labels),
        keys.HOURS: arrays.hours_at(fov, table.t[rows]),
        keys.FLUORESCENCE_CHANNEL: category(channel[0][arrays.fov_experiment[fov]], channel[1]),
        keys.LINEAGE_ID: category(table.forest.root[track], labels),
        keys.Y_CLAMP: center_y,
        keys.X_CLAMP: center_x,
    }
    return pd.DataFrame(columns)

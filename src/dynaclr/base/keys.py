"""Names of columns, batch entries, statistics and files, each written once."""

from __future__ import annotations

from typing import Final

# Columns of a track file.
TRACK_ID: Final = "track_id"
T: Final = "t"
Y: Final = "y"
X: Final = "x"
Z: Final = "z"
ID: Final = "id"
PARENT_TRACK_ID: Final = "parent_track_id"
PARENT_ID: Final = "parent_id"
REQUIRED_TRACK_COLUMNS: Final = (TRACK_ID, T, Y, X)
ULTRACK_ORDER: Final = (TRACK_ID, T, ID, PARENT_TRACK_ID, PARENT_ID, Z, Y, X)

# Columns that the index adds.
EXPERIMENT: Final = "experiment"
CONDITION: Final = "condition"
WELL: Final = "well"
WELL_NAME: Final = "well_name"
FOV_NAME: Final = "fov_name"
GLOBAL_TRACK_ID: Final = "global_track_id"
FINITE: Final = "finite"
NOT_FINITE: Final = "not_finite"
DATA_BOX: Final = "data_yx"
LINEAGE_ID: Final = "lineage_id"
HOURS: Final = "hours_post_infection"
FLUORESCENCE_CHANNEL: Final = "fluorescence_channel"
Y_CLAMP: Final = "y_clamp"
X_CLAMP: Final = "x_clamp"
UNKNOWN_CONDITION: Final = "unknown"

# Entries of a batch.
ANCHOR: Final = "anchor"
POSITIVE: Final = "positive"
NEGATIVE: Final = "negative"
ANCHOR_NORM_META: Final = "anchor_norm_meta"
POSITIVE_NORM_META: Final = "positive_norm_meta"
NEGATIVE_NORM_META: Final = "negative_norm_meta"
ANCHOR_META: Final = "anchor_meta"
POSITIVE_META: Final = "positive_meta"
NEGATIVE_META: Final = "negative_meta"
INDEX: Final = "index"
BATCH_KEY: Final = "key"
META_OF: Final = {ANCHOR: ANCHOR_META, POSITIVE: POSITIVE_META, NEGATIVE: NEGATIVE_META}
NORM_META_OF: Final = {
    ANCHOR: ANCHOR_NORM_META,
    POSITIVE: POSITIVE_NORM_META,
    NEGATIVE: NEGATIVE_NORM_META,
}

# Statistics of the pixels, in a position's attributes or a sidecar.
NORMALIZATION: Final = "normalization"
NORMALIZATION_ORIGIN: Final = "dynaclr_normalization_origin"
DATASET_STATISTICS: Final = "dataset_statistics"
FOV_STATISTICS: Final = "fov_statistics"
TIMEPOINT_STATISTICS: Final = "timepoint_statistics"
STATISTICS_LEVELS: Final = (DATASET_STATISTICS, FOV_STATISTICS, TIMEPOINT_STATISTICS)
STATISTICS: Final = ("mean", "std", "median", "iqr", "p1", "p5", "p95", "p99", "min", "max")

NO_PARENT: Final = -1
"""Parent of a track that has none."""

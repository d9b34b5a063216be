"""The table of an embedding: one row an observation, with features and identity."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dynaclr.base import keys
from dynaclr.base.errors import DataError, problem
from dynaclr.base.files import replace_file, unfinished

if TYPE_CHECKING:
    import pandas as pd

EMBEDDING_FILE = "embedding.parquet"
"""Name of a run's embedding in its folder."""

_FIRST = (
    keys.EXPERIMENT,
    keys.FOV_NAME,
    *keys.ULTRACK_ORDER,
    keys.WELL,
    keys.CONDITION,
    keys.HOURS,
    keys.LINEAGE_ID,
    keys.GLOBAL_TRACK_ID,
)


class Space(StrEnum):
    """Which vectors of an embedding: what probes use, or what the loss compares."""

    FEATURES = "features"
    PROJECTIONS = "projections"


@dataclass(frozen=True, slots=True)
class EmbeddingTable:
    """An embedding that was read.

    Attributes
    ----------
    features, projections
        (N, F) and (N, P) float32.
    observations
        Frame of N rows: identities.
    """

    features: npt.NDArray[np.float32]
    projections: npt.NDArray[np.float32]
    observations: pd.DataFrame

    def vectors(self, space: Space) -> npt.NDArray[np.float32]:
        """Return the vectors (N, F) or (N, P) of a space."""
        return self.features if space is Space.FEATURES else self.projections


class EmbeddingWriter:
    """Writes batches of an embedding to a parquet file that appears when all is written.

    Parameters
    ----------
    path
        The file, "*.parquet"; one that is there is replaced at the end.

    Attributes
    ----------
    rows, not_finite
        Rows written, and those of them whose vectors hold NaN or Inf: the column "finite" is false there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._partial = unfinished(path)
        self._writer: Any = None
        self.rows = self.not_finite = 0

    def __enter__(self) -> EmbeddingWriter:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return self

    def write(
        self,
        features: npt.NDArray[np.float32],
        projections: npt.NDArray[np.float32],
        index: list[dict[str, Any]],
    ) -> None:
        """Append a batch: features (B, F), projections (B, P), identities."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        names = [name for name in _FIRST if name in index[0]]
        names += [name for name in index[0] if name not in _FIRST]
        columns: dict[str, Any] = {name: pa.array([row[name] for row in index]) for name in names}
        finite = np.isfinite(features).all(axis=1) & np.isfinite(projections).all(axis=1)
        columns[keys.FINITE] = pa.array(finite)
        for name, values in (("features", features), ("projections", projections)):
            flat = pa.array(np.ascontiguousarray(values, dtype=np.float32).reshape(-1))
            columns[name] = pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
        table = pa.table(columns)
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._partial, table.schema, compression="zstd")
        self._writer.write_table(table.cast(self._writer.schema))
        self.rows += len(index)
        self.not_finite += int(np.count_nonzero(~finite))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()
        if kind is None and self._writer is not None:
            replace_file(self._partial, self._path)
        self._partial.unlink(missing_ok=True)


def read_embeddings(path: Path) -> EmbeddingTable:
    """Return the table that `predict` wrote.

    Raises
    ------
    DataError
        If the file is missing, damaged or no such table.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        matrices = [_matrix(table.column(name)) for name in ("features", "projections")]
    except (OSError, KeyError, TypeError, pa.ArrowInvalid) as error:
        raise DataError(problem(f"not an embedding: {error}", file=path)) from error
    observations = table.drop_columns(["features", "projections"]).to_pandas()
    return EmbeddingTable(matrices[0], matrices[1], observations)


def _matrix(column: Any) -> npt.NDArray[np.float32]:
    import pyarrow as pa

    if not pa.types.is_fixed_size_list(column.type):
        raise TypeError(f"a column of vectors is {column.type}")
    whole = column.combine_chunks()
    width = whole.type.list_size
    return np.asarray(whole.flatten().to_numpy().reshape(-1, width), dtype=np.float32)

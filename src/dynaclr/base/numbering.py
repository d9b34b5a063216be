"""Two kinds of numbers stand for observations, and types that keep them apart.

A row is a place in an index's table of all observations. An anchor number counts the valid anchors only:
what a sampler yields, and what a dataset turns into rows. Neither means anything beside another table.
"""

from __future__ import annotations

from typing import NewType

import numpy as np
import numpy.typing as npt

AnchorNumber = NewType("AnchorNumber", int)
AnchorNumbers = NewType("AnchorNumbers", npt.NDArray[np.int64])
TableRows = NewType("TableRows", npt.NDArray[np.int64])

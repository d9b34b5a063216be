"""Networks from a patch (B, C, Z, Y, X) to features and projections."""

from __future__ import annotations

from dynaclr.encoder.small_encoder import SmallEncoder
from dynaclr.encoder.timm_encoder import BOUNDS, ContrastiveEncoder, FoldingStem

__all__ = (
    "BOUNDS",
    "ContrastiveEncoder",
    "FoldingStem",
    "SmallEncoder",
)

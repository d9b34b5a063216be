"""Contrastive objectives on projections (2B, D) and labels (2B,)."""

from __future__ import annotations

from dynaclr.loss.contrastive import BOUNDS, NTXentHCL, NTXentLoss, TripletMarginLoss

__all__ = (
    "BOUNDS",
    "NTXentHCL",
    "NTXentLoss",
    "TripletMarginLoss",
)

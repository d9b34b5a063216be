"""The pairs of a batch and their pixels: anchor rows in, (B, C, Z, Y, X) out.

Knows no order of batches.
"""

from __future__ import annotations

from dynaclr.dataset.pairs import Candidates, Kin, PairDraw, TauLaw, candidates_of
from dynaclr.dataset.triplets import MultiExperimentTripletDataset

__all__ = (
    "Candidates",
    "Kin",
    "MultiExperimentTripletDataset",
    "PairDraw",
    "TauLaw",
    "candidates_of",
)

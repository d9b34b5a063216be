"""Data made on purpose: coded pixels that can be read back, and synthetic cells; public."""

from __future__ import annotations

from dynaclr.testing.coded import coded_value, decode, write_coded_experiments
from dynaclr.testing.files import write_experiments_yaml, write_tracks
from dynaclr.testing.synthetic import synthetic_experiments
from dynaclr.testing.training import synthetic_training

__all__ = (
    "coded_value",
    "decode",
    "synthetic_experiments",
    "synthetic_training",
    "write_coded_experiments",
    "write_experiments_yaml",
    "write_tracks",
)

"""Which anchors form batch k of epoch e; imports nothing but `dynaclr.base`.

Knows columns of anchors, no pixels and no index.
"""

from __future__ import annotations

from dynaclr.sampler.flexible import BOUNDS, FlexibleBatchSampler
from dynaclr.sampler.options import SamplingConfig
from dynaclr.sampler.sequential import SequentialBatches
from dynaclr.sampler.stratified import Account

__all__ = (
    "BOUNDS",
    "Account",
    "FlexibleBatchSampler",
    "SamplingConfig",
    "SequentialBatches",
)

"""One batch of 128 at 1e5 to 1e7 rows, all axes on and off; the first batch; positives of 256 anchors.

The reference of a batch is one keyed generator and the sorting of its numbers, 32 times: about 0.5 ms on
the machine where the limits were set (0.6 ms with all axes, 0.3 ms plain, were the aims there).
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from inputs import write_experiment
from runner import compare, finish

from dynaclr.base.random import BatchKey, Purpose, shuffled, uniforms
from dynaclr.dataset import MultiExperimentTripletDataset
from dynaclr.dataset.pairs import draw_pairs
from dynaclr.experiment import ExperimentRegistry
from dynaclr.index import MultiExperimentIndex
from dynaclr.sampler import FlexibleBatchSampler

EXPERIMENTS, CONDITIONS = 8, 3


def anchors(rows: int) -> pd.DataFrame:
    """Return the columns that the axes need, at random."""
    draw = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "experiment": pd.Categorical.from_codes(
                draw.integers(0, EXPERIMENTS, rows), [f"e{i}" for i in range(EXPERIMENTS)]
            ),
            "condition": pd.Categorical.from_codes(
                draw.integers(0, CONDITIONS, rows), [f"c{i}" for i in range(CONDITIONS)]
            ),
            "hours_post_infection": draw.integers(0, 96, rows) / 2.0,
        }
    )


class Batches:
    """The next batch at every call."""

    def __init__(self, sampler: FlexibleBatchSampler) -> None:
        self.sampler, self.k = sampler, 0

    def __call__(self) -> list[int]:
        self.k += 1
        return self.sampler.batch(0, self.k)


def generators() -> None:
    """The reference: what any keyed draw costs at least, 32 times."""
    for k in range(32):
        shuffled(128, uniforms(BatchKey(0, 0, k), Purpose.BATCH, 128)[:, 0])


def main() -> None:
    results = []
    for rows in (100_000, 1_000_000, 10_000_000):
        frame = anchors(rows)
        full = FlexibleBatchSampler(frame, 128, leaky=0.1, temporal_enrichment=True)
        start = time.perf_counter()
        full.batch(0, 0)
        print(f"first batch, {rows:.0e} rows: {1e3 * (time.perf_counter() - start):.2f} ms")
        plain = FlexibleBatchSampler(frame, 128, experiment_aware=False, condition_balanced=False)
        results += [
            compare(f"all axes, {rows:.0e} rows", Batches(full), generators, limit=1.2),
            compare(f"plain, {rows:.0e} rows", Batches(plain), generators, limit=0.6),
        ]
    with tempfile.TemporaryDirectory() as folder:
        registry = ExperimentRegistry.from_yaml(write_experiment(Path(folder), 100_000))
        index = MultiExperimentIndex(registry, (0, 1), (16, 16))
        law = MultiExperimentTripletDataset(index).law
    usable = index.anchor_rows[:: max(index.anchor_rows.size // 256, 1)][:256]
    draws = np.random.default_rng(0).random((256, 2))
    results.append(
        compare(
            "positives of 256 anchors, 1e5 rows",
            lambda: draw_pairs(index.lookup, law, usable, draws),
            generators,
            limit=1.0,
        )
    )
    finish(results)


if __name__ == "__main__":
    main()

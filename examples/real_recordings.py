"""Does the embedding of a real recording beat untrained and plain features? Three seeds, a few minutes each.

    python examples/real_recordings.py experiments.yaml hela --tau 0.5 1.0 --patch 68 --final 48

The FOVs of an experiment are split: half of them (of each condition) train, the others test. With a single
FOV, training and test are the same cells, which is said. Prints the first two demonstrations.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import torch

from dynaclr.encoder.small_encoder import SmallEncoder
from dynaclr.evaluation.encoding import measure, views_of
from dynaclr.loss import NTXentHCL
from dynaclr.pipeline import Pipeline, Stage
from dynaclr.pipeline.config import DataConfig, PipelineConfig, SamplingConfig, SplitConfig, TransformConfig
from dynaclr.transforms import (
    NormalizeByStatistics,
    RandomAffine,
    RandomFlip,
    RandomGaussianNoise,
    RandomScaleIntensity,
    RandomShiftIntensity,
)


def configuration(options: argparse.Namespace, seed: int) -> PipelineConfig:
    """Return data, split, sampling and transforms."""
    final = (options.final, options.final)
    return PipelineConfig(
        DataConfig(options.experiments, (0, 1), (options.patch, options.patch), tuple(options.tau)),
        SplitConfig((), 0.5 if options.split else 0.0, not options.split),
        SamplingConfig(batch_size=options.batch, seed=seed),
        TransformConfig(
            final,
            normalizations=[NormalizeByStatistics()],
            augmentations=[
                RandomAffine(180.0, (0.9, 1.1) if options.light else (1.0, 1.0), 5.0, 1.0),
                RandomFlip(),
                *((RandomScaleIntensity(), RandomShiftIntensity()) if options.light else ()),
                RandomGaussianNoise(),
            ],
            channel_dropout_prob=0.0,
            missing_statistics="compute",
        ),
    )


def train(pipeline: Pipeline, seed: int, steps: int) -> tuple[SmallEncoder, SmallEncoder, list[float]]:
    """Return the untrained encoder, the trained one, and the losses."""
    torch.manual_seed(seed)
    dataset, sampler = pipeline.train_dataset, pipeline.sampler()
    channels = pipeline.registry.num_source_channels
    untrained, encoder = (SmallEncoder(channels, 1) for _ in range(2))
    encoder.load_state_dict(untrained.state_dict())
    loss_function = NTXentHCL(0.2, 0.5, exclude_same_lineage=True)
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=1e-3, weight_decay=1e-2)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=steps, pct_start=0.1)
    losses = []
    for step in range(steps):
        epoch, k = divmod(step, max(len(sampler), 1))
        batch = pipeline.prepare(dataset.__getitems__(sampler.batch(epoch, k)), Stage.TRAIN)
        projections = encoder(torch.cat([batch["anchor"], batch["positive"]]))[1]
        size = len(batch["anchor"])
        lineage = torch.from_numpy(batch["anchor_meta"]["lineage"]).repeat(2)
        loss = loss_function(projections, torch.arange(size).repeat(2), lineage)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(float(loss.detach()))
    return untrained, encoder, losses


def main() -> int:
    """Train, measure, print; return 1 where the trained encoder is not above the untrained one."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("experiments", type=Path)
    parser.add_argument("name", help="experiment to use")
    parser.add_argument("--tau", type=float, nargs=2, default=(0.5, 1.0), help="hours")
    parser.add_argument("--patch", type=int, default=68)
    parser.add_argument("--final", type=int, default=48)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=360)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--keep-light-and-size",
        dest="light",
        action="store_false",
        help="do not augment what tells one cell from the next",
    )
    parser.add_argument("--split-seed", type=int, default=0, help="which FOVs train")
    parser.add_argument("--no-split", dest="split", action="store_false")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    from dynaclr.experiment import ExperimentRegistry

    registry = ExperimentRegistry.from_yaml(options.experiments).subset([options.name])
    encoders: dict[str, list[torch.nn.Module]] = {"trained": [], "untrained": []}
    for seed in range(options.seeds):
        pipeline = Pipeline(configuration(options, options.split_seed), registry)
        pipeline.setup()
        if not seed:
            print(pipeline.report.text(), flush=True)
        started = time.monotonic()
        untrained, trained, losses = train(pipeline, seed, options.steps)
        encoders["untrained"].append(untrained)
        encoders["trained"].append(trained)
        ends = np.mean(losses[:10]), np.mean(losses[-10:])
        print(
            f"seed {seed}: loss {ends[0]:.3f} -> {ends[1]:.3f}, {time.monotonic() - started:.0f} s",
            flush=True,
        )
    dataset = pipeline.predict_dataset()
    held = (
        set(pipeline.val_index.positions) if pipeline.val_index is not None else set(dataset.index.positions)
    )
    of_fov = np.array([name in held for name in dataset.index.positions])
    test = of_fov[dataset.index.table.fov_of(dataset.rows)]
    if test.all():
        print("one FOV: tested on the cells that it was trained on")
        test = np.arange(test.size) % 2 == 0
    views = views_of(dataset, pipeline.config.transforms.normalizations, (options.final, options.final))
    result = measure(views, encoders, test)
    print(result.text())
    gain = result.median("trained", "R@1 rotated, 1 fr") - result.median("untrained", "R@1 rotated, 1 fr")
    return 0 if gain > 0 else 1


if __name__ == "__main__":
    sys.exit(main())

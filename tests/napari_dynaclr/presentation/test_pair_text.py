"""What is said of a pair: how large its patches are, which slices they show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.scenes import SHARP, write_scenes

from dynaclr.index import ReadingOptions
from dynaclr.pipeline import (
    BatchInspector,
    DataConfig,
    Pair,
    Pipeline,
    PipelineConfig,
    SamplingConfig,
    SplitConfig,
    TransformConfig,
)
from napari_dynaclr.presentation.pair_text import pair_about


def pair_of(path: Path, **reading: Any) -> tuple[Pipeline, Pair]:
    data = DataConfig(path, (0, 3), (16, 16), (0.5, 1.0), reading=ReadingOptions(**reading))
    transforms = TransformConfig((16, 16), channel_dropout_prob=0.0)
    config = PipelineConfig(data, SplitConfig(no_validation=True), SamplingConfig(batch_size=4), transforms)
    pipeline = Pipeline(config)
    pipeline.setup()
    return pipeline, BatchInspector(pipeline).pair(0, 0, 0)


@pytest.mark.parametrize(
    ("side", "scale"), [(8, ", resampled by 0.5 from 32 x 32 px of 0.25 x 0.25 um"), (4, "")]
)
def test_the_scale(tmp_path: Path, side: float, scale: str) -> None:
    path = write_scenes(tmp_path, {"fine": (0.25, 0.25)}, 9)
    pipeline, pair = pair_of(path, yx_patch_um=(side, side))
    line = pair_about(pipeline.train_index, pair).split("<br>")[2]
    assert line == f"patch 16 x 16 px = {side} x {side} um{scale}"


def test_focus_and_projection(tmp_path: Path) -> None:
    pipeline, pair = pair_of(
        write_scenes(tmp_path, {"a": (0.25, 0.25)}, 9), z_window="focus", z_projection="max"
    )
    first = SHARP[pair.anchor_meta["t"]] - 1
    expected = f"slices {first}..{first + 3} around the focus (measured), max projection"
    assert pair_about(pipeline.train_index, pair).split("<br>")[2].endswith(f"um; {expected}")
    assert pair.anchor.raw.shape == (1, 1, 16, 16)

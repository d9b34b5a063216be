"""Options -> index, split, sampler, dataset and the prepared batch of a stage; loads no Lightning.

The data module and the viewer are its two users, so that what is shown is what is trained on.
"""

from __future__ import annotations

from dynaclr.pipeline.config import DataConfig, PipelineConfig, SamplingConfig, SplitConfig, TransformConfig
from dynaclr.pipeline.inspector import Agreement, BatchInspector, Pair, Sight
from dynaclr.pipeline.pipeline import Pipeline
from dynaclr.pipeline.preparation import Preparation, Stage
from dynaclr.pipeline.preprocess import preprocess_plate
from dynaclr.pipeline.row_patches import row_patches
from dynaclr.pipeline.split import split_fovs

__all__ = (
    "Agreement",
    "BatchInspector",
    "DataConfig",
    "Pair",
    "Pipeline",
    "PipelineConfig",
    "Preparation",
    "SamplingConfig",
    "Sight",
    "SplitConfig",
    "Stage",
    "TransformConfig",
    "preprocess_plate",
    "row_patches",
    "split_fovs",
)

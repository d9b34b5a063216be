"""A training for the synthetic experiments: the YAML of the demo and of the viewer's sample data; public."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from dynaclr.base.files import write_text_atomically
from dynaclr.base.paths import absolute_path

_YAML = """\
# A training on the two synthetic experiments.
#
#     python -m dynaclr fit --config TRAINING

seed_everything: 0
trainer: {max_epochs: EPOCHS, accelerator: auto, devices: 1, gradient_clip_val: 1.0}
run: {root: ROOT, name: demo, checkpoint_every_n_epochs: 10}
data:
  experiments_yaml: EXPERIMENTS
  z_range: [0, DEPTH]
  yx_patch_size: [56, 56]
  final_yx_patch_size: [36, 36]
  val_experiments: []
  val_fov_fraction: 0.5
  tau_range: [0.5, 2.0]
  batch_size: BATCH
  num_workers: 1
  leaky: 0.25
  temporal_enrichment: true
  temporal_window_hours: 4.0
  temporal_global_fraction: 0.5
  channel_dropout_channels: [0]
  channel_dropout_prob: 0.2
  missing_statistics: compute
  normalizations:
    - class_path: dynaclr.transforms.NormalizeByStatistics
      init_args: {level: fov_statistics}
  # size and brightness tell one cell from the next: what is augmented here, the encoder learns to ignore
  augmentations:
    - class_path: dynaclr.transforms.RandomAffine
      init_args: {rotation_degrees: 180.0, scale_range: [1.0, 1.0]}
    - class_path: dynaclr.transforms.RandomFlip
    - class_path: dynaclr.transforms.RandomGaussianNoise
model:
  encoder:
    class_path: dynaclr.encoder.SmallEncoder
    init_args: {in_channels: 2, in_stack_depth: DEPTH}
  loss_function:
    class_path: dynaclr.loss.NTXentHCL
    init_args: {temperature: 0.2, exclude_same_lineage: true}
  lr: 0.001
  warmup_steps: 20
"""


def synthetic_training(
    experiments: Path,
    *,
    size: Literal["demo", "tiny"] = "demo",
    epochs: int = 10,
    runs: Path | None = None,
) -> Path:
    """Write train.yaml beside synthetic experiments; return its path.

    Parameters
    ----------
    experiments
        What `synthetic_experiments` returned.
    size
        The size that they were made with.
    epochs
        Epochs of the training.
    runs
        Folder of run folders; None for runs/ beside the YAML.
    """
    experiments = absolute_path(experiments)
    folder = experiments.parent
    path = folder / "train.yaml"
    values = {
        "TRAINING": path,
        "EXPERIMENTS": experiments,
        "ROOT": absolute_path(runs or folder / "runs"),
        "EPOCHS": epochs,
        "DEPTH": 3 if size == "demo" else 2,
        "BATCH": 64 if size == "demo" else 16,
    }
    text = _YAML
    for name, value in values.items():
        text = text.replace(name, value.as_posix() if isinstance(value, Path) else str(value))
    write_text_atomically(path, text)
    return path

"""The smallest training on the coded experiments, as sections of its YAML."""

from __future__ import annotations

from typing import Any

DATA: dict[str, Any] = {
    "z_range": [0, 1],
    "yx_patch_size": [16, 16],
    "final_yx_patch_size": [12, 12],
    "val_experiments": ["coded1"],
    "tau_range": [0.5, 1.0],
    "batch_size": 8,
}
NORMALIZED: dict[str, Any] = {
    **DATA,
    "missing_statistics": "compute",
    "normalizations": [{"class_path": "dynaclr.transforms.NormalizeByStatistics"}],
}
MODEL: dict[str, Any] = {
    "encoder": {
        "class_path": "dynaclr.encoder.SmallEncoder",
        "init_args": {"in_channels": 2, "in_stack_depth": 1, "widths": [4, 8]},
    },
    "loss_function": {"class_path": "dynaclr.loss.NTXentHCL"},
}

"""What a person says about an experiment, and what its plate holds: names, wells, fields of view.

Reads metadata only; knows no tracks and no pixels.
"""

from __future__ import annotations

from dynaclr.experiment.fovs import FovEntry, check_geometry, known_names, select_fovs, slices_of
from dynaclr.experiment.locations import Location, UrlPath, kvstore, location
from dynaclr.experiment.ngff import AXES
from dynaclr.experiment.plates import FovLayout, PlateLayout, label_images, read_plate
from dynaclr.experiment.registry import ExperimentConfig, ExperimentRegistry, read_experiments
from dynaclr.experiment.scale import (
    from_grid,
    grid_limits,
    grid_sizes,
    patch_steps,
    pixel_size_um,
    reach,
    to_grid,
)

__all__ = (
    "AXES",
    "ExperimentConfig",
    "ExperimentRegistry",
    "FovEntry",
    "FovLayout",
    "Location",
    "PlateLayout",
    "UrlPath",
    "check_geometry",
    "from_grid",
    "grid_limits",
    "grid_sizes",
    "known_names",
    "kvstore",
    "label_images",
    "location",
    "patch_steps",
    "pixel_size_um",
    "reach",
    "read_experiments",
    "read_plate",
    "select_fovs",
    "slices_of",
    "to_grid",
)

"""What a person says about an experiment, and what its plate holds: names, wells, fields of view.

Reads metadata only; knows no tracks and no pixels.
"""

from __future__ import annotations

from dynaclr.experiment.fovs import FovEntry, check_geometry, known_names, select_fovs, slices_of
from dynaclr.experiment.locations import Location, UrlPath, kvstore, location
from dynaclr.experiment.ngff import AXES
from dynaclr.experiment.plates import FovLayout, PlateLayout, read_plate
from dynaclr.experiment.registry import ExperimentConfig, ExperimentRegistry, read_experiments

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
    "known_names",
    "kvstore",
    "location",
    "read_experiments",
    "read_plate",
    "select_fovs",
    "slices_of",
)

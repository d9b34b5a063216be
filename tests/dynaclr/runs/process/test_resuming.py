"""Whether a run goes on with other options."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from dynaclr.base.errors import RunError
from dynaclr.runs.process.resuming import checkpoint_to_resume
from dynaclr.runs.record.layout import RunFolder

DATA = {"experiments_yaml": "e.yaml", "yx_patch_size": [32, 32]}


def run_of(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path)
    folder.config.write_text(yaml.safe_dump({"data": DATA}))
    return folder


def test_an_option_that_the_run_did_not_know_had_its_default(tmp_path: Path) -> None:
    now = yaml.safe_dump({"data": {**DATA, "z_window": "fixed", "yx_patch_um": None, "seed": 0}})
    with pytest.raises(RunError, match="no loadable checkpoint"):  # that is: the options are no obstacle
        checkpoint_to_resume(run_of(tmp_path), now)


@pytest.mark.parametrize(
    ("option", "found"),
    [
        ({"yx_patch_um": [16.0, 16.0]}, r"data\.yx_patch_um: None then, \[16\.0, 16\.0\] now"),
        ({"z_window": "focus"}, "data.z_window: 'fixed' then, 'focus' now"),
        ({"z_projection": "max"}, "data.z_projection: 'none' then, 'max' now"),
    ],
)
def test_other_pixels_are_refused(tmp_path: Path, option: dict[str, object], found: str) -> None:
    now = yaml.safe_dump({"data": {**DATA, **option}})
    with pytest.raises(RunError, match=f"different values of these; found {found}"):
        checkpoint_to_resume(run_of(tmp_path), now)

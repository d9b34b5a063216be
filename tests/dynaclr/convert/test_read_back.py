from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from dynaclr.base.errors import DataError
from dynaclr.convert.arrays import ArrayOptions, convert_arrays
from dynaclr.convert.read_back import read_back
from dynaclr.images import PlateWriter, write_plate

PIXELS = np.arange(2 * 2 * 3 * 8 * 9, dtype=np.uint16).reshape(2, 2, 3, 8, 9)


def plate_of(folder: Path, version: Literal["0.4", "0.5"] = "0.4") -> Path:
    fovs = {"A/1/0": PIXELS, "B/2/1": PIXELS[:1]}
    return write_plate(
        folder / "p.zarr", fovs, ["phase", "GFP"], version=version, scale=(900, 1, 2, 0.5, 0.5)
    )


def change(plate: Path, find: Any) -> None:
    """Change the metadata of one field of view."""
    file = plate / "B/2/1/.zattrs"
    content = json.loads(file.read_text())
    find(content)
    file.write_text(json.dumps(content))


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_what_is_written_is_read_alike(tmp_path: Path, version: Literal["0.4", "0.5"]) -> None:
    read_back(plate_of(tmp_path, version))


def test_a_field_of_view_that_a_training_would_leave_out_is_refused(tmp_path: Path) -> None:
    plate = plate_of(tmp_path)
    change(plate, lambda content: content["omero"]["channels"][1].update(label="RFP"))
    with pytest.raises(DataError, match=r"B/2/1: its channels are phase, RFP"):
        read_back(plate)


def test_what_only_other_programs_cannot_read_is_refused(tmp_path: Path) -> None:
    plate = plate_of(tmp_path)
    change(
        plate, lambda content: content["omero"]["rdefs"].pop("defaultT")
    )  # iohub needs it, a training does not
    with pytest.raises(DataError, match="iohub"):
        read_back(plate)


def test_a_scale_that_other_programs_read_differently_is_told(tmp_path: Path) -> None:
    plate = plate_of(tmp_path)

    def in_millimeters(content: Any) -> None:
        for axis in content["multiscales"][0]["axes"][2:]:
            axis["unit"] = "millimeter"

    change(plate, in_millimeters)
    with pytest.raises(DataError, match=r"B/2/1: iohub reads the plate that was written in another way"):
        read_back(plate)


def test_a_conversion_that_cannot_be_read_back_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ArrayOptions("june", interval_minutes=15.0)
    tracks = np.array([[1, 0, 4, 4], [1, 1, 4, 5]])
    convert_arrays({"GFP": PIXELS[:, 0]}, tracks, {}, tmp_path, options)
    before = {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()}
    whole = PlateWriter._image

    def broken(writer: PlateWriter, name: str) -> dict[str, Any]:
        return {**whole(writer, name), "multiscales": []}

    monkeypatch.setattr(PlateWriter, "_image", broken)
    with pytest.raises(DataError):
        convert_arrays({"GFP": 1 + PIXELS[:, 0]}, tracks, {}, tmp_path, options, overwrite=True)
    assert before == {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()}

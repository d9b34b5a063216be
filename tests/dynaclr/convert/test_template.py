"""`init`: a file that says what is known, and is refused in words until a person has said the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dynaclr.base.errors import ConfigError, DataError
from dynaclr.cli.verbs import main
from dynaclr.convert import ArrayOptions, convert_arrays, write_template
from dynaclr.experiment import ExperimentRegistry, read_experiments
from dynaclr.images import write_plate

PIXELS = np.ones((3, 2, 1, 16, 16), np.uint16)


def test_what_only_a_person_knows_is_marked_and_refused(tmp_path: Path, capsys: Any) -> None:
    write_plate(tmp_path / "my plate.zarr", {"A/1/0": PIXELS, "B/2/0": PIXELS}, ["GFP", "1: x"])
    yaml = tmp_path / "experiments.yaml"
    assert main(["init", str(tmp_path / "my plate.zarr"), "--output", str(yaml)]) == 0
    text = capsys.readouterr().out
    for field in ("tracks_path", "condition_wells", "interval_minutes"):
        assert f"my_plate: {field}: " in text
    with pytest.raises(ConfigError) as error:
        read_experiments(yaml)
    lines = yaml.read_text().splitlines()
    for field in ("tracks_path", "condition_wells", "interval_minutes"):
        number = next(place for place, line in enumerate(lines, 1) if line.strip().startswith(f"{field}:"))
        assert f"line {number}, field {field}: not filled in yet" in str(error.value)
    filled = yaml.read_text().replace("{FILL_IN: [A/1, B/2]}", "{control: [A/1], drug: [B/2]}")
    filled = filled.replace("interval_minutes: FILL_IN", "interval_minutes: 5")
    yaml.write_text(filled.replace("tracks_path: FILL_IN", "tracks_path: tracks"))
    (config,) = ExperimentRegistry.from_yaml(yaml).experiments
    assert (config.name, list(config.channel_names)) == ("my_plate", ["GFP", "1: x"])
    assert config.condition_wells == {"control": ["A/1"], "drug": ["B/2"]}
    assert main(["init", str(tmp_path / "my plate.zarr"), "--output", str(yaml)]) == 2
    assert "there is an experiments.yaml already" in capsys.readouterr().err


def test_what_a_plate_and_the_folder_say_is_taken(tmp_path: Path) -> None:
    rows = [[1, t, 8, 8] for t in range(3)]
    options = ArrayOptions("june", 15.0, pixel_size_um=0.5)
    convert_arrays({"GFP": PIXELS[:, 0, 0]}, rows, {}, tmp_path / "data", options)
    missing = write_template([tmp_path / "data" / "june.zarr"], tmp_path / "mine.yaml")
    assert [line.split(": ")[1] for line in missing] == ["condition_wells"]
    text = (tmp_path / "mine.yaml").read_text()
    assert "1 fields of view, pixels of 0.5 um" in text
    (tmp_path / "mine.yaml").write_text(text.replace("{FILL_IN: ", "{all: "))
    (config,) = ExperimentRegistry.from_yaml(tmp_path / "mine.yaml").experiments
    assert config.tracks_root == tmp_path / "data" / "june.tracks"
    assert config.interval_minutes == 15.0
    assert "data_path: data/june.zarr" in text


def test_plates_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere"):
        write_template([tmp_path / "nowhere"], tmp_path / "e.yaml")
    for folder in ("a", "b"):
        write_plate(tmp_path / folder / "p.zarr", {"A/1/0": PIXELS}, ["a", "b"])
    with pytest.raises(ConfigError, match="two plates of one name; found p"):
        write_template([tmp_path / "a" / "p.zarr", tmp_path / "b" / "p.zarr"], tmp_path / "e.yaml")
    assert not (tmp_path / "e.yaml").exists()

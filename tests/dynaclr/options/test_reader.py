from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from dynaclr.base.errors import ConfigError
from dynaclr.options.reader import config_path, read_config

EXAMPLE = Path(__file__).parents[3] / "examples" / "train.yaml"


def training(source: Path, folder: Path, **options: object) -> Path:
    """Write the example's YAML for some experiments."""
    content = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    content["data"] |= {"experiments_yaml": str(source), **options}
    path = folder / "train.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_a_training_is_read_as_the_command_line_reads_it(coded_source: Path, tmp_path: Path) -> None:
    path = training(coded_source, tmp_path)
    config = read_config(path)
    assert config.data.experiments_yaml == coded_source
    assert config.data.z_range == (0, 2)
    assert config.sampling.leaky == 0.25
    assert config.split.val_fov_fraction == 0.5
    assert [type(item).__name__ for item in config.transforms.augmentations][:2] == [
        "RandomAffine",
        "RandomFlip",
    ]
    assert config.transforms.augmentations[0].rotation_degrees == 180.0
    assert config.transforms.normalizations[0].level == "fov_statistics"


def test_relative_paths_are_relative_to_the_yaml(
    coded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = training(coded, coded.parent, experiments_yaml="experiments.yaml", index_cache="../cache")
    assert read_config(path).data.experiments_yaml == coded
    assert read_config(path).data.options.cache_dir == tmp_path / "cache"
    other = tmp_path / "elsewhere"
    other.mkdir()
    path = training(coded, other, experiments_yaml="experiments.yaml")
    monkeypatch.chdir(coded.parent)
    with pytest.warns(UserWarning, match=r"elsewhere/experiments\.yaml is taken, not"):
        assert read_config(path).data.experiments_yaml == other / "experiments.yaml"


def test_a_list_of_experiments_alone_can_be_looked_at(coded_source: Path) -> None:
    config = read_config(coded_source)
    assert config.data.z_range == (0, 3)
    assert config.data.yx_patch_size == config.transforms.final_yx_patch_size == (48, 64)
    assert config.split.no_validation


def test_a_run_folder_stands_for_its_config(coded_source: Path, tmp_path: Path) -> None:
    training(coded_source, tmp_path).rename(tmp_path / "config.yaml")
    assert config_path(tmp_path) == tmp_path / "config.yaml"
    assert read_config(tmp_path).sampling.batch_size == 16


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_sizes": 3}, "batch_sizes"),
        ({"batch_size": "many"}, "batch_size"),
        ({"z_range": [0]}, "z_range"),
        ({"relation": "cousin"}, "relation"),
        (
            {
                "augmentations": [
                    {"class_path": "dynaclr.transforms.RandomFlip", "init_args": {"axes": ["z"]}}
                ]
            },
            "axes",
        ),
    ],
)
def test_a_wrong_option_names_file_and_field(
    coded_source: Path, tmp_path: Path, options: dict[str, object], message: str
) -> None:
    path = training(coded_source, tmp_path, **options)
    with pytest.raises(ConfigError, match=message) as caught:
        read_config(path)
    assert "train.yaml" in str(caught.value) or message == "axes"


@pytest.mark.parametrize("text", ["", "model: {}\n", "- 1\n"])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "some.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"some\.yaml"):
        read_config(tmp_path / "some.yaml")
    with pytest.raises(ConfigError, match="nothing there"):
        read_config(tmp_path / "absent.yaml")
    with pytest.raises(ConfigError, match=r"folder without config\.yaml"):
        read_config(tmp_path)


def test_marks_beside_the_experiments_count_unless_told_otherwise(coded: Path, tmp_path: Path) -> None:
    path = training(coded, tmp_path)
    assert read_config(path).data.options.curation is None
    marks = coded.parent / "curation.csv"
    marks.write_text("kind,verdict,experiment,fov_name,track_id,t,author,time\n")
    assert read_config(path).data.options.curation == marks
    assert read_config(coded).data.options.curation == marks
    assert read_config(training(coded, tmp_path, curation=None)).data.options.curation is None
    other = tmp_path / "mine.csv"
    other.write_text(marks.read_text())
    assert read_config(training(coded, tmp_path, curation="mine.csv")).data.options.curation == other

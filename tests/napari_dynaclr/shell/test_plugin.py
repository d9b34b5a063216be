"""The plugin in a real viewer."""

from __future__ import annotations

from pathlib import Path

import pytest
from npe2 import PluginManager, PluginManifest
from npe2.manifest.utils import import_python_name

from napari_dynaclr.keys.tables import TABLES
from napari_dynaclr.shell import commands
from napari_dynaclr.shell.manifest import PLACES, manifest_text

ROOT = Path(__file__).parents[3]


def test_manifests_are_those_of_the_tables_of_actions() -> None:
    """A link in their place becomes a text on Windows: then a wheel holds no plugin."""
    for place in PLACES:
        assert not place.is_symlink()
        stale = f"{place} is stale: run python -m napari_dynaclr.shell.manifest"
        assert place.read_text(encoding="utf-8") == manifest_text(), stale


def test_npe2_finds_the_installed_manifest() -> None:
    manifest = PluginManifest.from_distribution("napari-dynaclr")
    assert manifest.name == "napari-dynaclr"
    for command in manifest.contributions.commands or []:
        assert callable(import_python_name(command.python_name))


def test_a_reader_takes_what_is_ours_only(
    sample_training: Path, synthetic_source: Path, tmp_path: Path
) -> None:
    from napari_dynaclr.shell.plugin import open_reader

    assert open_reader(str(sample_training)) is not None
    assert open_reader(str(synthetic_source)) is not None
    (tmp_path / "other.yaml").write_text("a: 1\n")
    (tmp_path / "latin.yaml").write_bytes(b"data: \xe9\n")
    for path in ("other.yaml", "latin.yaml", "absent.yaml", "."):
        assert open_reader(str(tmp_path / path)) is None
    assert open_reader([str(sample_training)]) is None
    (tmp_path / "run.json").write_text("{}")
    assert open_reader(str(tmp_path)) is not None


def test_napari_asks_about_no_file_that_cannot_be_ours(tmp_path: Path) -> None:
    """A pattern that fits all files would have napari ask for a reader whenever an image is opened."""
    manager = PluginManager()
    manager.register(PluginManifest.from_file(ROOT / "napari.yaml"))
    for ours in ("train.yaml", "EXPERIMENTS.YML", "dynaclr://sample/synthetic-cells", str(tmp_path)):
        assert len(list(manager.iter_compatible_readers(ours))) == 1, ours
    for other in ("film.tif", "points.csv", "image.ome.tiff", "README"):
        assert list(manager.iter_compatible_readers(other)) == [], other


def test_without_a_viewer_a_reader_gives_layers(sample_training: Path) -> None:
    from napari_dynaclr.shell.plugin import open_reader

    read = open_reader(str(sample_training))
    assert read is not None
    assert [kind for _, _, kind in read(str(sample_training))] == ["image", "image", "tracks"]


def test_every_action_is_in_the_command_palette() -> None:
    own = {"help", "mode", "find", "fit", "drag", "delete", "search"}  # what views do by themselves
    manifest = PluginManifest.from_file(ROOT / "napari.yaml")
    known = {command.id.partition(".")[2] for command in manifest.contributions.commands or []}
    wanted = {
        f"{section.removesuffix('keys')}{action.name}"
        for section, table in TABLES.items()
        for action in table.actions
        if action.name not in own
    }
    wanted |= {f"show_{item.display_name.lower()}" for item in manifest.contributions.widgets or []}
    assert wanted <= known


def test_an_action_that_no_table_has_is_no_command() -> None:
    assert callable(commands.pair_next)
    for name in ("pair_help", "pair_nothing", "_private"):
        with pytest.raises(AttributeError):
            getattr(commands, name)

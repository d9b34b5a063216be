"""The plugin in a real viewer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from npe2 import PluginManifest
from npe2.manifest.utils import import_python_name

ROOT = Path(__file__).parents[2]


def test_both_manifests_read_the_same() -> None:
    assert (ROOT / "napari.yaml").read_text() == (ROOT / "src/napari_dynaclr/napari.yaml").read_text()


def test_npe2_finds_the_installed_manifest() -> None:
    manifest = PluginManifest.from_distribution("napari-dynaclr")
    assert manifest.name == "napari-dynaclr"
    for command in manifest.contributions.commands or []:
        assert callable(import_python_name(command.python_name))


def test_the_plugin_never_imports_lightning() -> None:
    code = (
        "import sys, napari_dynaclr.plugin, napari_dynaclr.layers\n"
        "print([name for name in ('lightning', 'triton', 'torch._dynamo') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "[]", done.stderr


def test_layers_hold_the_pixels_and_the_lineage(coded_source: Path) -> None:
    from dynaclr.experiment import ExperimentRegistry
    from dynaclr.index import MultiExperimentIndex
    from dynaclr.testing import decode
    from napari_dynaclr.layers import fov_layers

    index = MultiExperimentIndex(ExperimentRegistry.from_yaml(coded_source), (0, 1), (16, 16), (0.5, 1.0))
    *images, tracks = fov_layers(index, 4)
    for place, (array, _, kind) in enumerate(images):
        assert kind == "image"
        where = decode(np.asarray(array[2, 1]))
        assert np.all(where.experiment == 1)
        assert np.all(where.fov == 1)
        assert np.all(where.t == 2)
        assert np.all(where.c == (2, 0)[place])
    data, options, kind = tracks
    assert kind == "tracks"
    assert options["graph"] == {2: [1], 3: [1]}
    assert data.shape[1] == 5


@pytest.mark.gui
def test_sample_data_opens(make_napari_viewer: Any) -> None:
    viewer = make_napari_viewer()
    viewer.open_sample("napari-dynaclr", "synthetic")
    assert [layer.__class__.__name__ for layer in viewer.layers] == ["Image", "Image", "Tracks"]
    assert viewer.layers[0].data.shape[0] == 8


@pytest.mark.gui
def test_project_panel_shows_the_report(make_napari_viewer: Any, qtbot: Any, synthetic_source: Path) -> None:
    from qtpy.QtCore import Qt

    viewer = make_napari_viewer(show=True)
    _, widget = viewer.window.add_plugin_dock_widget("napari-dynaclr", "Project")
    qtbot.keyClicks(widget.path, str(synthetic_source))
    qtbot.keyClick(widget.path, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "dengue_july" in widget.report.toPlainText(), timeout=30_000)
    assert "anchors" in widget.report.toPlainText()


@pytest.mark.gui
def test_a_wrong_path_is_a_notification(make_napari_viewer: Any, qtbot: Any, tmp_path: Path) -> None:
    from napari.utils.notifications import notification_manager
    from qtpy.QtCore import Qt

    viewer = make_napari_viewer()
    _, widget = viewer.window.add_plugin_dock_widget("napari-dynaclr", "Project")
    widget.path.setText(str(tmp_path / "none.yaml"))
    qtbot.keyClick(widget.path, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "cannot be read" in widget.report.toPlainText(), timeout=30_000)
    assert any("none.yaml" in item.message for item in notification_manager.records)


@pytest.mark.gui
def test_a_run_folder_opens(make_napari_viewer: Any, coded_source: Path, tmp_path: Path) -> None:
    import yaml

    from dynaclr.dataset import MultiExperimentTripletDataset
    from dynaclr.embeddings import EmbeddingWriter
    from dynaclr.experiment import ExperimentRegistry
    from dynaclr.index import MultiExperimentIndex
    from dynaclr.runs.layout import new_run_folder

    folder = new_run_folder(tmp_path, "opened")
    folder.write_facts({})
    entries = yaml.safe_load(coded_source.read_text())["experiments"]
    for entry in entries:
        entry["data_path"] = str(coded_source.parent / entry["data_path"])
        entry["tracks_path"] = str(coded_source.parent / entry["tracks_path"])
    folder.experiments.write_text(yaml.safe_dump({"experiments": entries}))
    index = MultiExperimentIndex(ExperimentRegistry.from_yaml(coded_source), (0, 1), (16, 16), (0.5, 1.0))
    dataset = MultiExperimentTripletDataset(index, fit=False)
    features = np.random.Generator(np.random.Philox(key=0)).random((len(dataset), 4), dtype=np.float32)
    with EmbeddingWriter(folder.path / "embedding.parquet") as writer:
        writer.write(features, features[:, :2], dataset.identities(dataset.rows))

    viewer = make_napari_viewer()
    viewer.open(str(folder.path), plugin="napari-dynaclr")
    assert [layer.__class__.__name__ for layer in viewer.layers] == ["Image", "Image", "Tracks", "Points"]
    assert len(viewer.layers[-1].data) == 29

"""Imports go downwards only, and doors stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

SOURCE = Path(__file__).parents[2] / "src"
EXAMPLE = Path(__file__).parents[2] / "examples" / "train.yaml"
FLOORS = {
    0: "bounds errors keys draws tau_sampling tables lineage atomic permutation without_replacement "
    "fingerprint locking",
    1: "strict_yaml plates experiment experiment_config experiment_list tracks fovs stores anchors blanks "
    "report index_options corners index_cache index_frames index_report index_source loading index curation",
    2: "digests strata stratified shortages sampler sequential pairs patches norms dataset composition "
    "anchor_columns plate_writer pixel_statistics statistics_files preprocess suspicion",
    3: "channel_dropout transforms pipeline_config flat_config config_file config_edit split "
    "missing_statistics preparation row_patches patch_intensities pipeline inspector",
    4: "loss nt_xent gather encoder small_encoder embedding_health loader datamodule engine",
    5: "runs embeddings embedding_rows embedding_maps projection neighbours predict evaluation figures "
    "convert",
    6: "testing cli __main__ __init__",
}
PLUGIN_FLOORS = {
    0: "author dock_places layer_axes lineage_layout mark_list memory option_specs sample_data workers",
    1: "actions pictures positives recording",
    2: "layers models plots",
    3: "words",
    4: "views",
    5: "controllers docks",
    6: "commands contents plugin __init__",
}
FLOOR_OF = {name: floor for floor, names in FLOORS.items() for name in names.split()}
PLUGIN_FLOOR_OF = {name: floor for floor, names in PLUGIN_FLOORS.items() for name in names.split()}


def modules() -> list[Path]:
    return sorted((SOURCE / "dynaclr").rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE / "dynaclr").parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_imports_go_downwards(path: Path) -> None:
    room = room_of(path)
    assert room in FLOOR_OF, f"give {room} a floor"
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "dynaclr" and len(parts) > 1 and parts[1] in FLOOR_OF:
            assert FLOOR_OF[parts[1]] <= FLOOR_OF[room], f"{room} imports {parts[1]} above it"


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_dynaclr_knows_no_viewer(path: Path) -> None:
    roots = {name.split(".")[0] for name in imported(path)}
    assert not roots & {
        "napari",
        "qtpy",
        "PyQt6",
        "PySide6",
        "magicgui",
        "superqt",
        "pyqtgraph",
        "napari_dynaclr",
    }


def test_rooms_of_the_plugin_import_downwards() -> None:
    """Models know no views, views no controllers, and nobody knows who puts them together."""
    root = SOURCE / "napari_dynaclr"
    for path in root.rglob("*.py"):
        room = path.relative_to(root).parts[0].removesuffix(".py")
        assert room in PLUGIN_FLOOR_OF, f"give {room} a floor"
        for name in imported(path):
            parts = name.split(".")
            if parts[0] == "napari_dynaclr" and len(parts) > 1 and parts[1] in PLUGIN_FLOOR_OF:
                assert PLUGIN_FLOOR_OF[parts[1]] <= PLUGIN_FLOOR_OF[room], f"{path.name} imports {name}"


def test_the_plugin_names_no_lightning() -> None:
    for path in (SOURCE / "napari_dynaclr").rglob("*.py"):
        names = imported(path)
        assert not any(name.split(".")[0] in ("lightning", "pytorch_lightning") for name in names)
        assert not names & {"dynaclr.engine", "dynaclr.datamodule", "dynaclr.predict", "dynaclr.loader"}


def test_pyqtgraph_is_imported_by_the_modules_that_draw() -> None:
    root = SOURCE / "napari_dynaclr"
    rooms = {path.relative_to(root).parts[0] for path in root.rglob("*.py") if _draws(path)}
    assert rooms == {"plots"}


def _draws(path: Path) -> bool:
    return any(name.split(".")[0] == "pyqtgraph" for name in imported(path))


LEARNING = "lightning triton torch._dynamo monai timm torchvision"
DOORS = (
    ("import dynaclr", "numpy pandas torch lightning"),
    ("from dynaclr import sample_tau", "pandas torch lightning"),
    ("import dynaclr.runs.watch, dynaclr.runs.status, dynaclr.runs.event_reader", "torch lightning"),
    (
        "from dynaclr.runs import devices, estimate, halting, launch, listing, presets, slurm, tail",
        f"{LEARNING} napari qtpy",
    ),
    ("import dynaclr.digests, dynaclr.encoder, dynaclr.pipeline", LEARNING),
    ("from pathlib import Path; from dynaclr.config_file import read_config", LEARNING),
    ("dynaclr.pipeline.Pipeline(read_config(Path(sys.argv[1]))).setup()", "lightning triton torch._dynamo"),
    ("import napari_dynaclr.plugin, napari_dynaclr.layers", "lightning triton torch._dynamo"),
    ("import torch; assert not torch.cuda.is_initialized()", "lightning triton torch._dynamo"),
)
"""What is imported, one after the other in one process, and what must not have come with it by then."""


def test_doors_are_light(coded: Path, tmp_path: Path) -> None:
    config = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    size = {"yx_patch_size": [24, 24], "final_yx_patch_size": [16, 16]}
    config["data"] |= {"experiments_yaml": str(coded), **size}
    training = tmp_path / "train.yaml"
    training.write_text(yaml.safe_dump(config), encoding="utf-8")
    tell = "print(sorted(set(sys.modules) & set({!r}.split())))"
    lines = [line for statement, absent in DOORS for line in (statement, tell.format(absent))]
    code = "\n".join(["import sys", *lines])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(tmp_path / "train.yaml")],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    found = dict(zip([statement for statement, _ in DOORS], done.stdout.splitlines(), strict=True))
    assert {statement: names for statement, names in found.items() if names != "[]"} == {}


def test_public_names_load() -> None:
    import dynaclr

    assert set(dynaclr.__all__) <= set(dir(dynaclr))
    for name in ("ExperimentRegistry", "FlexibleBatchSampler", "MultiExperimentIndex", "sample_tau"):
        assert getattr(dynaclr, name).__name__ == name
    with pytest.raises(AttributeError):
        dynaclr.Nothing  # noqa: B018

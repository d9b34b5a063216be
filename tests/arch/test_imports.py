"""Imports go downwards only, and doors stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
EXAMPLE = ROOT / "examples" / "train.yaml"
ROOMS = (
    "base < encoder loss transforms sampler tau_sampling channel_dropout < experiment < images < tracks "
    "< curation convert testing < index export < dataset suspicion embedding "
    "< composition evaluation figures training < pipeline < options < runs engine datamodule < cli < __main__"
)
RUNS = "record < control process"
PLUGIN = "workers < state < presentation < keys < widgets < views < controllers < shell"
"""A room may import what stands left of the < before it; rooms between two < know nothing of each other."""


def floors(order: str) -> dict[str, int]:
    return {name: floor for floor, names in enumerate(order.split("<")) for name in names.split()}


def modules(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (SOURCE / folder).rglob("*.py"))


@cache
def imported(path: Path) -> frozenset[str]:
    """Dotted names that a module imports; `from package import module` counts as package.module."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(names)


def wrong_arrows(package: str, order: str) -> list[str]:
    """Imports of a package's rooms that go up or sideways."""
    floor, root = floors(order), SOURCE.joinpath(*package.split("."))
    found = []
    for path in modules(root.relative_to(SOURCE).as_posix()):
        room = path.relative_to(root).parts[0].removesuffix(".py")
        if room == "__init__":
            continue
        assert room in floor, f"give {room} its place"
        for name in imported(path):
            other = name.removeprefix(f"{package}.").split(".")[0] if name.startswith(f"{package}.") else room
            if other != room and other in floor and floor[other] >= floor[room]:
                found.append(f"{path.relative_to(SOURCE)} imports {name}")
    return found


@pytest.mark.parametrize(
    ("package", "order"),
    [("dynaclr", ROOMS), ("dynaclr.runs", RUNS), ("napari_dynaclr", PLUGIN)],
    ids=["dynaclr", "runs", "plugin"],
)
def test_imports_go_downwards(package: str, order: str) -> None:
    assert wrong_arrows(package, order) == []


def graph() -> dict[str, set[str]]:
    """{module: modules that it imports}, imports for types left out; a door counts as what it is made of."""
    names = {dotted(path): path for path in modules("dynaclr", "napari_dynaclr")}
    return {
        name: {other for other in imported(path) if other in names} - {name} for name, path in names.items()
    }


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


def test_no_circle() -> None:
    sorter = TopologicalSorter(graph())
    sorter.prepare()  # CycleError names the modules of a circle


@pytest.mark.parametrize("package", ["dynaclr", "napari_dynaclr"])
def test_every_room_has_a_door(package: str) -> None:
    """A door says in a few lines what its room is for, and lists what it offers in order."""
    wrong = {}
    for folder in sorted(path for path in (SOURCE / package).rglob("*") if any(path.glob("*.py"))):
        tree = ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))
        text = ast.get_docstring(tree) or ""
        lists = [
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
            if folder.name != "dynaclr"
        ]
        if folder.name == "transforms":  # each line of this door is one transform, in a list of its own
            lists = [[name for name, asname in _aliases(tree) if name == asname]]
        modules_there = {path.stem for path in folder.iterdir()}
        given = {
            alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
        } | modules_there
        if not 1 <= len(text.splitlines()) <= 5:
            wrong[folder.name] = "says nothing, or too much"
        elif folder.name not in ("dynaclr", "napari_dynaclr") and (
            len(lists) != 1 or not set(lists[0]) <= given
        ):
            wrong[folder.name] = "lists what it does not have, or nothing"
    assert wrong == {}


def _aliases(tree: ast.Module) -> list[tuple[str, str | None]]:
    return [
        (alias.name, alias.asname)
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module != "__future__"
        for alias in node.names
    ]


def test_only_the_plugin_knows_a_viewer() -> None:
    viewer = {"napari", "qtpy", "PyQt6", "PySide6", "magicgui", "superqt", "pyqtgraph", "napari_dynaclr"}
    found = {dotted(path) for path in modules("dynaclr") if roots(path) & viewer}
    assert found == set()


def roots(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)}


def test_the_plugin_names_no_lightning() -> None:
    heavy = ("dynaclr.engine", "dynaclr.datamodule", "dynaclr.training", "dynaclr.runs.process")
    found = {
        dotted(path)
        for path in modules("napari_dynaclr")
        if roots(path) & {"lightning", "pytorch_lightning"}
        or any(name.startswith(heavy) for name in imported(path))
    }
    assert found == set()


@pytest.mark.parametrize("room", ["state", "presentation", "keys"])
def test_what_needs_no_window_imports_no_qt(room: str) -> None:
    qt = {"qtpy", "PyQt6", "PySide6", "magicgui", "superqt", "pyqtgraph"}
    assert [dotted(path) for path in modules(f"napari_dynaclr/{room}") if roots(path) & qt] == []


def test_state_and_presentation_take_nothing_from_napari_at_import() -> None:
    found = [
        dotted(path)
        for path in modules("napari_dynaclr/state", "napari_dynaclr/presentation")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        and ast.unparse(node).split()[1].split(".")[0] == "napari"
    ]
    assert found == []


def test_pyqtgraph_is_imported_by_widgets_only() -> None:
    drawing = {path.parent.name for path in modules("napari_dynaclr") if "pyqtgraph" in roots(path)}
    assert drawing == {"widgets"}


@pytest.mark.parametrize("package", ["dynaclr", "napari_dynaclr"])
def test_tests_mirror_the_source(package: str) -> None:
    """A test that is named after a module lies where the module lies."""
    source = {path.relative_to(SOURCE) for path in modules(package)}
    names = {path.name for path in source}
    lost = []
    for path in (ROOT / "tests" / package).rglob("test_*.py"):
        here = path.relative_to(ROOT / "tests")
        name = path.name.removeprefix("test_")
        whole_room = name == f"{path.parent.name}.py"
        if name in names and here.with_name(name) not in source and not whole_room:
            lost.append(str(here))
    assert lost == []


LEARNING = "lightning triton torch._dynamo monai timm torchvision"
DOORS = (
    ("import dynaclr", "numpy pandas torch lightning"),
    ("from dynaclr import sample_tau", "pandas torch lightning"),
    (
        "import dynaclr.runs.record.watch, dynaclr.runs.record.status, dynaclr.runs.record.event_reader",
        "torch lightning",
    ),
    (
        "from dynaclr.options import presets; from dynaclr.runs.record import listing, tail; "
        "from dynaclr.runs.control import devices, estimate, halting, launch, slurm",
        f"{LEARNING} napari qtpy",
    ),
    ("import dynaclr.base.fingerprint, dynaclr.encoder, dynaclr.pipeline", LEARNING),
    ("from pathlib import Path; from dynaclr.options.reader import read_config", LEARNING),
    ("dynaclr.pipeline.Pipeline(read_config(Path(sys.argv[1]))).setup()", "lightning triton torch._dynamo"),
    (
        "import napari_dynaclr.presentation.layers, napari_dynaclr.shell.plugin",
        "lightning triton torch._dynamo",
    ),
    ("import torch; assert not torch.cuda.is_initialized()", "lightning triton torch._dynamo"),
)
"""What is imported, one after the other in one process, and what must not have come with it by then."""


def test_doors_are_light(coded: Path, tmp_path: Path) -> None:
    config = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    size = {"yx_patch_size": [24, 24], "final_yx_patch_size": [16, 16]}
    config["data"] |= {"experiments_yaml": str(coded), **size}
    flip = {"class_path": "monai.transforms.RandFlipd", "init_args": {"keys": ["ch_0"]}}
    config["data"]["augmentations"] = [*config["data"]["augmentations"], flip]
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

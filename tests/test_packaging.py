"""What is published: both distributions are built from this tree and looked at."""

from __future__ import annotations

import email
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

import dynaclr

ROOT = Path(__file__).parents[1]
PAGES = "https://github.com/napari-dynaclr/napari-dynaclr/blob/main/"
PICTURES = "https://raw.githubusercontent.com/napari-dynaclr/napari-dynaclr/main/"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the unpacked source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(next(built.glob("*.whl")))


@pytest.fixture(scope="module")
def unpacked(built: Path) -> Path:
    return built / f"napari_dynaclr-{dynaclr.__version__}"


def described(wheel: zipfile.ZipFile) -> email.message.Message:
    name = next(name for name in wheel.namelist() if name.endswith("dist-info/METADATA"))
    return email.message_from_bytes(wheel.read(name))


def sources(folder: Path) -> set[str]:
    """Files of a tree that are not made by running it."""
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    made = {"__pycache__", "_build"}
    return {path.as_posix() for path in files if not made & set(path.parts) and path.suffix != ".pyc"}


def test_the_version_has_one_place(wheel: zipfile.ZipFile) -> None:
    assert described(wheel)["Version"] == dynaclr.__version__
    assert "version" not in yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


def test_links_of_the_index_page_lead_into_the_repository(wheel: zipfile.ZipFile) -> None:
    text = str(described(wheel).get_payload())
    links = re.findall(r"(!?)\[[^\]]*\]\(([^)#]+)[^)]*\)", text)
    assert {bool(picture) for picture, _ in links} == {True, False}
    for picture, target in links:
        ours = PICTURES if picture else PAGES
        if target.startswith("https://") and not target.startswith((PICTURES, PAGES)):
            continue
        assert target.startswith(ours)
        assert (ROOT / target.removeprefix(ours)).is_file(), target


def test_the_wheel_has_the_plugin(wheel: zipfile.ZipFile) -> None:
    """A link in place of the manifest becomes a text of one line where links are not known."""
    manifest = yaml.safe_load(wheel.read("napari_dynaclr/napari.yaml"))
    assert manifest == yaml.safe_load((ROOT / "napari.yaml").read_text(encoding="utf-8"))
    package, picture = manifest["icon"].split(":")
    assert wheel.read(f"{package}/{picture}").startswith(b"\x89PNG")
    assert {"Annotation", "Visualization"} <= set(manifest["categories"])


def test_npe2_finds_the_plugin_of_the_wheel(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path)
    asked = (
        "from npe2 import PluginManifest; "
        "print(len(PluginManifest.from_distribution('napari-dynaclr').contributions.commands))"
    )
    told = subprocess.run(
        [sys.executable, "-c", asked],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )
    manifest = yaml.safe_load((ROOT / "napari.yaml").read_text(encoding="utf-8"))
    assert int(told.stdout) == len(manifest["contributions"]["commands"])


def test_both_have_all_sources(wheel: zipfile.ZipFile, unpacked: Path) -> None:
    """Patterns of .gitignore such as `runs/` leave nothing out."""
    packages = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packages == sources(ROOT / "src")
    for folder in ("src", "tests", "docs", "examples", "benchmarks"):
        assert sources(unpacked / folder) == sources(ROOT / folder)


def test_the_makefile_works_without_git(unpacked: Path) -> None:
    """Every prerequisite and every file that a target names is in the source distribution."""
    targets = ("install", "demo", "lint", "bench", "docs", "dist")
    done = subprocess.run(["make", "--dry-run", *targets], cwd=unpacked, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (unpacked / ".ci" / "run").stat().st_mode & 0o100
    for name in ("pyproject.toml", "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE"):
        assert (unpacked / name).is_file()

"""What public continuous integration runs, next to what the project says elsewhere."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
JOBS = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))["jobs"]
PYTHONS = JOBS["test"]["strategy"]["matrix"]["python"]


def lines(job: str) -> list[str]:
    return [line for step in JOBS[job]["steps"] for line in step.get("run", "").splitlines()]


def test_the_same_pythons_everywhere() -> None:
    low, high = re.findall(r"3\.(\d+)", PROJECT["requires-python"])
    assert [f"3.{minor}" for minor in range(int(low), int(high))] == PYTHONS
    said = [text.rpartition(" ")[2] for text in PROJECT["classifiers"] if ":: 3." in text]
    assert said == PYTHONS
    sentence = f"{', '.join(PYTHONS[:-1])} or {PYTHONS[-1]}"
    for page in ("README.md", "CONTRIBUTING.md", "docs/install.md"):
        assert f"Python {sentence}" in (ROOT / page).read_text(encoding="utf-8"), page


def test_it_runs_what_is_run_here() -> None:
    assert "bash .ci/run" in lines("test")
    assert any("--resolution lowest-direct" in line for line in lines("lowest"))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {word for job in JOBS for line in lines(job) for word in re.findall(r"make (\w+)", line)}
    assert {"system", "docs", "dist"} <= targets
    assert [name for name in targets if not re.search(rf"^{name}:", makefile, flags=re.MULTILINE)] == []


def test_hooks_have_the_versions_of_the_project() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    (rev,) = [repo["rev"] for repo in hooks if repo["repo"].endswith("ruff-pre-commit")]
    (asked,) = [text for text in PROJECT["optional-dependencies"]["test"] if text.startswith("ruff")]
    minor = ".".join(rev.removeprefix("v").split(".")[:2])
    assert asked.startswith(f"ruff>={minor},")


def test_every_dependency_has_its_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    needed = text[text.index("\ndependencies = [") : text.index("[project.optional-dependencies]")]
    bare = [line for line in re.findall(r'^  ".*$', needed, flags=re.MULTILINE) if "#" not in line]
    assert [re.split(r"[\"><]", line)[1] for line in bare] == ["numpy", "pandas", "pyyaml"]

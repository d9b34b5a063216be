"""Editing a YAML, compared line by line with what was there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dynaclr.base.errors import ConfigError
from dynaclr.base.yaml_editor import edited, save_options

EXAMPLE = (Path(__file__).parents[3] / "examples" / "train.yaml").read_text(encoding="utf-8")

values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 2**62),
    st.floats(0, 1e6, allow_nan=False),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12),
    st.lists(st.text("ab: #-{}[],'\"", max_size=5), max_size=3),
    st.dictionaries(st.text("xyz: ", min_size=1, max_size=4), st.floats(0, 2, allow_nan=False), max_size=3),
)


def other_lines(old: str, new: str, *names: str) -> tuple[list[str], list[str]]:
    """Return the lines of both texts that do not set the options."""

    def rest(text: str) -> list[str]:
        lines = text.split("\n")
        return [line for line in lines if not line.strip().startswith(tuple(f"{name}:" for name in names))]

    return rest(old), rest(new)


@settings(deadline=None, max_examples=50)
@example(options={"leaky": "\xa0"}, newline="\n")
@given(
    st.dictionaries(st.sampled_from(["leaky", "condition_ratio", "seed", "group_by"]), values, min_size=1),
    st.sampled_from(["\n", "\r\n"]),
)
def test_only_the_lines_of_the_options_differ(options: dict[str, Any], newline: str) -> None:
    text = EXAMPLE.replace("\n", newline)
    new = edited(text, options)
    before, after = other_lines(text, new, *options)
    assert after == before
    assert yaml.safe_load(new)["data"] == {**yaml.safe_load(text)["data"], **options}
    assert new.count("\r\n") == (new.count("\n") if newline == "\r\n" else 0)
    assert edited(new, options) == new
    for name in set(options) - {"group_by"}:  # comments behind values stay
        line = next(line for line in EXAMPLE.split("\n") if line.startswith(f"  {name}:"))
        if "#" in line:
            assert line[line.index("#") :] in new


def test_what_is_the_same_is_not_touched() -> None:
    assert edited(EXAMPLE, {"leaky": 0.25, "experiment_weights": None}) == EXAMPLE
    assert edited(EXAMPLE, {"experiment_aware": 1}) != EXAMPLE


@pytest.mark.parametrize(
    ("old", "options", "new"),
    [
        ("data:\n  a: 1 # one\n  b: 2\n", {"a": 5}, "data:\n  a: 5 # one\n  b: 2\n"),
        ("data:\n  a:\n  b: 2\n", {"a": 5}, "data:\n  a: 5\n  b: 2\n"),
        ("data:\n  a:   # none\n  b: 2\n", {"a": 5}, "data:\n  a: 5   # none\n  b: 2\n"),
        (
            "data:\n  a:\n    x: 1\n    y: 2  # y\n  # of b\n  b: 2\n",
            {"a": {"x": 3}},
            "data:\n  a: {x: 3}  # y\n  # of b\n  b: 2\n",
        ),
        (
            "data:\n  a: # list\n  - x\n  - y\n\n\n  b: 2\n",
            {"a": ["z"]},
            "data:\n  a: [z] # list\n\n\n  b: 2\n",
        ),
        ("data: {a: 1, b: [1, 2]}\nrun: 3", {"b": 4, "c": "x"}, "data: {a: 1, b: 4, c: x}\nrun: 3"),
        ("data:\n  a: 1", {"b": 2}, "data:\n  a: 1\n  b: 2\n"),
        (
            "data:\n    a: 1 # x\n\n# of run\nrun: 3\n",
            {"b": 2},
            "data:\n    a: 1 # x\n    b: 2\n\n# of run\nrun: 3\n",
        ),
        ('data:\n  "a" : "1"\n', {"a": "2"}, "data:\n  \"a\" : '2'\n"),
        ("x: &x {p: 1}\ndata:\n  a: *x\n  b: *x\n", {"a": 2}, "x: &x {p: 1}\ndata:\n  a: 2\n  b: *x\n"),
        (
            "x: &x {a: 1}\ndata:\n  <<: *x\n  b: 1\n",
            {"a": 2},
            "x: &x {a: 1}\ndata:\n  <<: *x\n  b: 1\n  a: 2\n",
        ),
        ("data:\n  a: |\n    text\n  b: 1\n", {"a": "x"}, "data:\n  a: x\n  b: 1\n"),
        ("\ufeffdata:\n  a: 1\n", {"a": 2}, "\ufeffdata:\n  a: 2\n"),
    ],
)
def test_however_people_write_it(old: str, options: dict[str, Any], new: str) -> None:
    assert edited(old, options) == new


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("data:\n  a: &x 1\n  b: *x\n", {"a": 2}),  # b would lose its value
        ("run: 1\n", {"a": 2}),
        ("data:\n", {"a": 2}),
        ("[1, 2]\n", {"a": 2}),
    ],
)
def test_what_cannot_be_changed_alone_is_refused(text: str, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        edited(text, options)


def test_files_are_replaced_only_when_asked(tmp_path: Path) -> None:
    source = tmp_path / "train.yaml"
    source.write_bytes(EXAMPLE.replace("\n", "\r\n").encode())
    before = source.read_bytes()
    with pytest.raises(ConfigError, match="there already"):
        save_options(source, {"leaky": 0.5})
    assert source.read_bytes() == before
    copy = save_options(source, {"leaky": 0.5}, tmp_path / "new.yaml")
    assert source.read_bytes() == before
    assert copy.read_bytes() == before.replace(b"leaky: 0.25", b"leaky: 0.5")
    with pytest.raises(ConfigError, match=r"new\.yaml"):
        save_options(source, {"leaky": 0.1}, copy)
    save_options(source, {"leaky": 0.1}, copy, overwrite=True)
    assert copy.read_bytes() == before.replace(b"leaky: 0.25", b"leaky: 0.1")
    save_options(source, {"leaky": 0.5}, overwrite=True)
    assert source.read_bytes() == before.replace(b"leaky: 0.25", b"leaky: 0.5")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.yaml", "train.yaml"]


def test_a_copy_elsewhere_still_finds_its_files(tmp_path: Path) -> None:
    source = tmp_path / "train.yaml"
    source.write_text(
        "data:\n  experiments_yaml: experiments.yaml\n  curation: ../none.csv\n  leaky: 0.0\n"
        "run: {root: runs}\noutput: e.parquet\n"
    )
    (tmp_path / "other").mkdir()
    copy = save_options(source, {"leaky": 0.5}, tmp_path / "other" / "train.yaml")
    content = yaml.safe_load(copy.read_text())
    assert content["data"] == {
        "experiments_yaml": str(tmp_path / "experiments.yaml"),
        "curation": str(tmp_path.parent / "none.csv"),
        "leaky": 0.5,
    }
    assert content["run"]["root"] == str(tmp_path / "runs")
    assert content["output"] == str(tmp_path / "e.parquet")
    (tmp_path / "experiments.yaml").write_text("experiments: []\n")
    with pytest.raises(ConfigError, match=r"experiments\.yaml.*no section"):
        save_options(tmp_path / "experiments.yaml", {"leaky": 1}, tmp_path / "b.yaml")

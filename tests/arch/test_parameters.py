"""No parameter is without an effect: each is read in its function, each option reaches the pipeline."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dynaclr.options.catalogue import data_options
from dynaclr.options.fold import pipeline_config
from dynaclr.transforms import NormalizeByStatistics, RandomFlip

SOURCE = Path(__file__).parents[2] / "src" / "dynaclr"

GIVEN_BY_OTHERS = {
    *("setup", "training_step", "validation_step", "predict_step", "on_after_batch_transfer"),
    *(
        "forward",
        "backward",
        "__exit__",
        "__get__",
        "__reduce_ex__",
        "_handle",
        "save_checkpoint",
        "load_checkpoint",
    ),
}
"""Functions whose signature another package or the language asks for; so do those that start with on_."""

ONE_OF_SEVERAL = {
    *("parameters", "apply_window", "needs", "_normalized", "reduce"),  # methods that subclasses replace
    *("batch", "_write_into_plate", "_silent", "observe"),  # stand where others that read it may stand
}


def functions(path: Path) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.FunctionDef) or node.name.startswith("on_"):
            continue
        if node.name not in GIVEN_BY_OTHERS | ONE_OF_SEVERAL:
            yield node


def is_declaration(function: ast.FunctionDef) -> bool:
    """Whether a body is a docstring or an ellipsis only, as in a protocol."""
    return all(isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant) for item in function.body)


def unread(function: ast.FunctionDef) -> list[str]:
    signature = function.args
    names = {item.arg for item in (*signature.posonlyargs, *signature.args, *signature.kwonlyargs)}
    read = {item.id for part in function.body for item in ast.walk(part) if isinstance(item, ast.Name)}
    if "locals" in read:
        return []
    return sorted(name for name in names - read - {"self", "cls"} if not name.startswith("_"))


def test_every_parameter_is_read() -> None:
    found = {
        f"{path.relative_to(SOURCE)}, {item.name}": names
        for path in SOURCE.rglob("*.py")
        for item in functions(path)
        if not is_declaration(item) and (names := unread(item))
    }
    assert found == {}


BASE: dict[str, Any] = {
    "experiments_yaml": "experiments.yaml",
    "z_range": (0, 2),
    "yx_patch_size": (48, 48),
    "final_yx_patch_size": (32, 32),
    "val_experiments": [],
}
OTHER: dict[str, Any] = {
    "experiments_yaml": "others.yaml",
    "z_range": (1, 2),
    "yx_patch_size": (48, 64),
    "final_yx_patch_size": (24, 32),
    "val_experiments": ["a"],
    "tau_range": (0.5, 3.0),
    "experiment_weights": {"a": 1.0},
    "condition_ratio": {"u": 1.0},
    "channel_dropout_channels": [0],
    "normalizations": [NormalizeByStatistics("fov_statistics", "mean", "std")],
    "augmentations": [RandomFlip()],
    "include_wells": ["A/1"],
    "exclude_fovs": ["A/1/0"],
    "relation": "track",
    "missing_chunks": "zeros",
    "not_finite": "fill",
    "missing_tracks": "error",
    "unreadable_fovs": "error",
    "bad_coordinates": "drop",
    "duplicate_rows": "drop",
    "missing_statistics": "compute",
    "group_by": ["well"],
    "stratify_by": ["well"],
    "index_cache": "cache",
    "curation": "curation.csv",
}


def another(name: str, default: Any) -> Any:
    """Return a value of an option that is not its default."""
    if name in OTHER or isinstance(default, bool):
        return OTHER.get(name, not default)
    return 7 if isinstance(default, int) else default / 2 or 0.5


def test_every_option_reaches_the_pipeline() -> None:
    plain, wrong = asdict(pipeline_config(**BASE)), {}
    for name, option in data_options().items():
        changed = asdict(pipeline_config(**{**BASE, name: another(name, option.default)}))
        different = [
            (room, field)
            for room, fields in plain.items()
            for field in fields
            if changed[room][field] != fields[field]
        ]
        if len(different) != 1:
            wrong[name] = different
    assert wrong == {}

"""Whether a run may be gone on with, and from where; reads a run folder and writes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from dynaclr.base.errors import RunError, listing, problem
from dynaclr.options.catalogue import fixed_parameters
from dynaclr.runs.record.checkpoints import load_checkpoint, newest_valid_checkpoint
from dynaclr.runs.record.layout import RunFolder

_TAKEN = (
    *("data.curation", "data.num_workers", "data.prefetch_batches"),
    *("data.cache_pool_bytes", "data.index_cache"),
    *("model.lr", "model.weight_decay", "model.warmup_steps", "model.schedule"),
    *("model.health_every_n_steps", "model.channels_last", "model.compile"),
    *("output", "config", "untrained"),
)
"""Options that a run goes on with as they are now; so are all of `trainer`, and most of `run`."""
_OF_THE_FOLDER = ("run.root", "run.name")


def checkpoint_to_resume(
    folder: RunFolder, config: str, force: bool = False, best: bool = False
) -> tuple[Path, list[str]]:
    """Return the newest checkpoint that loads, and why newer ones were passed over.

    Parameters
    ----------
    folder
        The run.
    config
        Text of the configuration that it is to go on with.
    force
        Whether another configuration of data or model will do.
    best
        Whether best.ckpt is wanted instead.

    Raises
    ------
    RunError
        If the configuration is another one (the fields are listed), or no checkpoint loads.
    """
    try:
        text = folder.config.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise RunError(
            problem(f"configuration of the run cannot be read: {error}", file=folder.config)
        ) from error
    different = _differences(yaml.safe_load(text), yaml.safe_load(config))
    if different and not force:
        raise RunError(
            problem(
                "a run cannot resume with different values of these",
                file=folder.config,
                found=listing(different),
                fix="Leave them out, start a new run, or pass --run.force=true.",
            )
        )
    if best:
        load_checkpoint(folder.best)
        return folder.best, []
    newest, refused = newest_valid_checkpoint(folder.checkpoints)
    if newest is None:
        found = listing(refused) or "none"
        raise RunError(problem("run has no loadable checkpoint", file=folder.checkpoints, found=found))
    return newest, refused


def _differences(then: Any, now: Any) -> list[str]:
    """Return what differs; an option that the run did not know had its default."""
    defaults = {path: option.default for path, option in fixed_parameters().items()}
    old, new = defaults | _flat(then), defaults | _flat(now)
    return [
        f"{name}: {old.get(name)!r} then, {new.get(name)!r} now"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name) and not _may_change(name)
    ]


def _may_change(name: str) -> bool:
    """Whether a run goes on with another value; what marks exclude is told by the loader's state."""
    return name in _TAKEN or (name.split(".")[0] in ("trainer", "run") and name not in _OF_THE_FOLDER)


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {prefix: value}
    flat: dict[str, Any] = {}
    for key, item in value.items():
        flat |= _flat(item, f"{prefix}.{key}" if prefix else str(key))
    return flat

"""What a new run folder says about its run: configuration, experiments, versions; decides nothing."""

from __future__ import annotations

import platform
import sys
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import yaml

from dynaclr.base.files import write_bytes_atomically, write_text_atomically
from dynaclr.base.paths import absolute_path
from dynaclr.runs.record.layout import RunFolder

__all__ = ("config_text", "describe", "experiments_text")

_PACKAGES = ("napari-dynaclr", "torch", "lightning", "monai", "numpy", "tensorstore", "iohub", "timm")


def describe(cli: Any, folder: RunFolder, experiments: str) -> None:
    """Write what repeats the run, and what it was made with."""
    write_text_atomically(folder.config, config_text(cli))
    write_text_atomically(folder.experiments, experiments)
    marks = cli.datamodule.config.data.options.curation
    if marks is not None:
        write_bytes_atomically(folder.marks, marks.read_bytes())
    folder.write_facts(
        {
            "versions": {name: version(name) for name in _PACKAGES},
            "python": platform.python_version(),
            "command": [sys.executable, *sys.orig_argv[1:]],
            "seed": cli.config.seed_everything,
            "device": str(cli.trainer.strategy.root_device),
            "parent": cli.config.ckpt_path,
        }
    )


def config_text(cli: Any) -> str:
    """Return the complete configuration, with the file of marks that "auto" stands for."""
    content = yaml.safe_load(cli.parser.dump(cli.config, skip_none=False, skip_link_targets=True))
    content.pop("config", None)
    content["run"] |= {"folder": None, "resume": None, "resume_from": "newest"}
    marks = cli.datamodule.config.data.options.curation
    content["data"]["curation"] = None if marks is None else str(marks)
    return yaml.safe_dump(content, sort_keys=False)


def experiments_text(cli: Any) -> str:
    """Return the list of experiments with absolute paths."""
    entries = []
    for config in cli.datamodule.pipeline.registry.experiments:
        entry = asdict(config)
        entry |= {name: str(absolute_path(entry[name])) for name in ("data_path", "tracks_path")}
        entry |= {name: list(entry[name]) for name in ("channel_names", "source_channel")}
        entries.append(entry)
    return yaml.safe_dump({"experiments": entries}, sort_keys=False)

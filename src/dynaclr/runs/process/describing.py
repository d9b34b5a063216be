"""What a run folder says about a start of its run: configuration, experiments, versions."""

from __future__ import annotations

import itertools
import platform
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from dynaclr import __version__
from dynaclr.base.files import write_bytes_atomically
from dynaclr.runs.record.layout import RunFolder

_PACKAGES = ("torch", "lightning", "monai", "numpy", "tensorstore", "iohub", "timm")


def describe(cli: Any, folder: RunFolder, experiments: str) -> None:
    """Write what repeats the run, and what it was made with; of earlier starts, what differs is kept."""
    marks = cli.datamodule.config.data.options.curation
    _note(folder.config, config_text(cli).encode())
    _note(folder.experiments, experiments.encode())
    _note(folder.marks, None if marks is None else marks.read_bytes())
    before = folder.read_facts() if folder.facts.is_file() else None
    folder.write_facts(
        {
            "versions": {"napari-dynaclr": __version__, **{name: version(name) for name in _PACKAGES}},
            "python": platform.python_version(),
            "command": [sys.executable, *sys.orig_argv[1:]],
            "seed": cli.config.seed_everything,
            "device": str(cli.trainer.strategy.root_device),
            "parent": before.get("parent") if before else cli.config.ckpt_path,
            "earlier_starts": [*before.pop("earlier_starts", []), before] if before else [],
        }
    )


def _note(file: Path, content: bytes | None) -> None:
    """Write a file; other content that was there is kept beside it, as config.1.yaml for config.yaml."""
    if file.is_file() and file.read_bytes() != content:
        names = (file.with_name(f"{file.stem}.{number}{file.suffix}") for number in itertools.count(1))
        write_bytes_atomically(next(name for name in names if not name.exists()), file.read_bytes())
    if content is not None:
        write_bytes_atomically(file, content)  # other processes of the run may be reading it
    else:
        file.unlink(missing_ok=True)


def config_text(cli: Any) -> str:
    """Return the complete configuration, with the file of marks that "auto" stands for."""
    content = yaml.safe_load(cli.parser.dump(cli.config, skip_none=False, skip_link_targets=True))
    content.pop("config", None)
    content["run"] |= {"folder": None, "resume": None, "resume_from": "newest", "force": False}
    marks = cli.datamodule.config.data.options.curation
    content["data"]["curation"] = None if marks is None else str(marks)
    return yaml.safe_dump(content, sort_keys=False)


def experiments_text(cli: Any) -> str:
    """Return the list of experiments with absolute paths."""
    entries = []
    for config in cli.datamodule.pipeline.registry.experiments:
        entry = asdict(config)
        entry |= {"data_path": str(config.plate_path), "tracks_path": str(config.tracks_root)}
        entry |= {name: list(entry[name]) for name in ("channel_names", "source_channel")}
        entries.append(entry)
    return yaml.safe_dump({"experiments": entries}, sort_keys=False)

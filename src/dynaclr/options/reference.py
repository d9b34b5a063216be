"""What people read about the options: help, reference page, commented example; all made from the catalogue.

`python -m dynaclr.options.reference FOLDER` writes them into a checkout. A test fails when they are stale.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from dynaclr import transforms
from dynaclr.base.files import write_text_atomically
from dynaclr.options.catalogue import ENCODERS, GROUPS, LOSSES, arguments_of, init_parameters, options
from dynaclr.options.parameter import Kind, Parameter

_TITLES = {
    "seed": "Seed",
    "trainer": "Trainer (Lightning's: the most used options; all others are taken too)",
    "run": "Run folder",
    "data": "Data",
    "split": "Split",
    "sampling": "Sampling: which anchors meet in a batch",
    "transforms": "Transforms: what happens to pixels",
    "loader": "Loader and loss",
    "model": "Model",
}
_EXAMPLE: Mapping[str, Any] = {
    "trainer.max_epochs": 20,
    "trainer.devices": 1,
    "trainer.precision": "32-true",
    "trainer.gradient_clip_val": 1.0,
    "run.name": "example",
    "run.checkpoint_every_n_epochs": 5,
    "data.experiments_yaml": "experiments.yaml",
    "data.z_range": [0, 2],
    "data.yx_patch_size": [48, 48],
    "data.val_experiments": [],
    "data.val_fov_fraction": 0.5,
    "data.batch_size": 16,
    "data.leaky": 0.25,
    "data.temporal_enrichment": True,
    "data.final_yx_patch_size": [32, 32],
    "data.normalizations": [
        {
            "class_path": "dynaclr.transforms.NormalizeByStatistics",
            "init_args": {"level": "fov_statistics", "subtrahend": "mean", "divisor": "std"},
        }
    ],
    "data.augmentations": [
        {
            "class_path": "dynaclr.transforms.RandomAffine",
            "init_args": {"rotation_degrees": 180.0, "scale_range": [0.9, 1.1], "shear_degrees": 5.0},
        },
        *(
            {"class_path": f"dynaclr.transforms.{name}"}
            for name in (
                *("RandomFlip", "RandomGamma", "RandomScaleIntensity"),
                *("RandomGaussianBlur", "RandomGaussianNoise"),
            )
        ),
    ],
    "data.channel_dropout_prob": 0.3,
    "data.missing_statistics": "compute",
    "data.num_workers": 2,
    "model.warmup_steps": 20,
}
"""What the example sets otherwise than the defaults."""
_OBJECTS: Mapping[str, Any] = {
    "encoder": {"class_path": ENCODERS[0], "init_args": {"in_channels": 2, "in_stack_depth": 2}},
    "loss_function": {"class_path": LOSSES[0], "init_args": {"temperature": 0.2}},
}
_COMMENT_COLUMN = 40
_WIDTH = 118


def help_text() -> str:
    """Return what `fit --help` shows: one line an option."""
    lines = [
        "usage: python -m dynaclr VERB --config FILE [--SECTION.OPTION VALUE ...]    (VERB: fit, estimate,",
        "validate, predict). An option stands below its section in the YAML, or is given as",
        "--data.batch_size 64, which wins. examples/train.yaml has them all, docs/options.md explains them.",
        "--help all shows everything that Lightning takes as well.",
        "  --config FILE, --print_config    the training, and how it was understood",
        "  --ckpt_path FILE                 weights to start from, or to validate and predict with",
        "  --from_run FOLDER                validate, predict: configuration and best checkpoint of a run",
        "  --output FILE                    predict: the parquet file to write",
    ]
    for group, (section, _) in GROUPS.items():
        lines.append(f"{_TITLES[group]} (--{section}{'.' if section else ''}NAME)")
        lines += [_line(item) for item in options(group)]
    for name, classes in (("encoder", ENCODERS), ("loss_function", LOSSES)):
        room = classes[0].rpartition(".")[0]
        names = " | ".join(item.removeprefix(f"{room}.") for item in classes)
        lines.append(f"  {name:<26}class_path: {room}.({names}), and init_args")
    return "\n".join(lines) + "\n"


def _line(item: Parameter) -> str:
    """Return an option's line of the help; units and choices are named where there is room."""
    line = f"  {item.name:<26}{_short(item):<15}{item.help}"
    more = f" ({item.unit or ', '.join(item.choices)})" if item.unit or item.choices else ""
    return line + more if len(line + more) <= _WIDTH else line


def _short(item: Parameter) -> str:
    if item.required:
        return "(required)"
    text = _flow(item.default)
    return text if len(text) < 15 else "..."


def _flow(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")


def page_text() -> str:
    """Return the reference page of options."""
    lines = [
        "# Options",
        "",
        "Made from the code by `python -m dynaclr.options.reference .`; do not edit.",
        "",
        "Each option is written in a training's YAML below its section, or given on the command line as",
        "`--section.name value`. `examples/train.yaml` holds all of them. A star marks those that most",
        "trainings set.",
    ]
    for group, (section, _) in GROUPS.items():
        where = f"Section `{section}:`." if section else "Above all sections."
        lines += ["", f"## {_TITLES[group]}", "", where, "", *_table(options(group))]
    for section, classes in (("model.encoder", ENCODERS), ("model.loss_function", LOSSES)):
        for name in classes:
            lines += ["", f"## {name}", "", f"In `{section}`, as class_path and init_args.", ""]
            lines += _table(init_parameters(section, name).values())
    lines += ["", "## Normalizations and transforms", ""]
    lines += ["In `data.normalizations` and `data.augmentations`, as class_path and init_args."]
    for name in sorted(_transforms()):
        lines += ["", f"### dynaclr.transforms.{name}", "", *_table(arguments_of(getattr(transforms, name)))]
    return "\n".join(lines) + "\n"


def _transforms() -> Iterator[str]:
    """Yield the names of classes that a training's YAML may list."""
    for name, thing in vars(transforms).items():
        ours = isinstance(thing, type) and issubclass(thing, (transforms.Transform, transforms.Normalization))
        if (
            ours and not thing.__abstractmethods__ and not hasattr(thing, "check_keys")
        ):  # no wrapper of MONAI's
            yield name


def _table(items: Any) -> list[str]:
    lines = ["| option | default | what it does | allowed | needs |", "|---|---|---|---|---|"]
    for item in items:
        default = "required" if item.required else f"`{_flow(item.default)}`"
        allowed = (
            item.expected + (f" ({item.unit})" if item.unit else "") + (" or null" if item.optional else "")
        )
        needs = f"`{item.needs}`" if item.needs else ""
        star = " *" if item.basic else ""
        cells = (f"`{item.name}`{star}", default, item.help, allowed, needs)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return [*lines] if len(lines) > 2 else ["No arguments."]


def example_text() -> str:
    """Return the commented example of a training, all options in it."""
    lines = [
        "# A complete training on several experiments, with every option and what it does.",
        "#",
        "#     python -m dynaclr fit --config train.yaml",
        "#",
        "# Made from the code by `python -m dynaclr.options.reference .`. Relative paths are relative to the",
        "# folder of this file. docs/options.md says what is allowed.",
    ]
    before = None
    for group, (section, _) in GROUPS.items():
        if section and section != before:
            lines += ["", f"{section}:"]
        if not section or (section == before or section == "data"):
            lines += [*([] if section else [""]), f"{'  ' if section else ''}# {_TITLES[group]}"]
        before = section
        if group == "model":
            for name, value in _OBJECTS.items():
                lines += _block(name, value)
        for item in options(group):
            value = _EXAMPLE.get(item.path, item.default)
            indent = "  " if section else ""
            if item.kind is Kind.OBJECTS:
                lines += [f"{indent}# {item.help}", *_block(item.name, value)]
            else:
                text = f"{indent}{item.name}: {_flow(value)}"
                lines.append(
                    f"{text:<{_COMMENT_COLUMN}} # {item.help}{f' ({item.unit})' if item.unit else ''}"
                )
    return "\n".join(lines) + "\n"


def _block(name: str, value: Any) -> list[str]:
    text = yaml.safe_dump({name: value}, default_flow_style=None, sort_keys=False, width=10**6)
    return [f"  {line}" for line in text.splitlines()]


FILES = {
    "src/dynaclr/cli/help.txt": help_text,
    "docs/options.md": page_text,
    "examples/train.yaml": example_text,
}
"""{file of a checkout: what it holds}."""


def main(folder: Path) -> None:
    """Write all files into a checkout."""
    for name, make in FILES.items():
        write_text_atomically(folder / name, make())


if __name__ == "__main__":
    main(Path(sys.argv[1]))

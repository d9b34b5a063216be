"""demo: from nothing to a trained encoder and its figures, on synthetic cells."""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dynaclr.base.errors import ConfigError, DataError, TrainingError, problem
from dynaclr.base.files import write_text_atomically
from dynaclr.base.paths import absolute_path


def run(verb: str, arguments: Sequence[str]) -> int:
    """Run the demonstration; return the exit code."""
    parser = argparse.ArgumentParser(
        f"python -m dynaclr {verb}",
        description="Generate two synthetic experiments, train a small encoder, and plot the result.",
    )
    parser.add_argument(
        "--output", type=absolute_path, default="demo-output", help="folder (default demo-output)"
    )
    parser.add_argument("--epochs", type=int, default=10, help="training epochs (default 10)")
    parser.add_argument("--size", choices=["demo", "tiny"], default="demo", help="amount of data")
    parser.add_argument("--overwrite", action="store_true", help="remove existing files in the folder")
    options = parser.parse_args(arguments)
    if options.epochs < 1:
        raise ConfigError(
            problem("value out of range", field="epochs", expected=">= 1", found=options.epochs)
        )
    root: Path = options.output
    if root.exists() and any(root.iterdir()):
        if not options.overwrite:
            raise DataError(
                problem("folder is not empty", file=root, fix="Choose another, or pass --overwrite.")
            )
        shutil.rmtree(root)
    started = time.monotonic()
    config = _prepare(root, options.size, options.epochs)
    run_folder = _train(config, root)
    _draw(config, root, run_folder)
    sys.stdout.write(
        f"\nfinished in {time.monotonic() - started:.0f} s. In {root}:\n"
        "  composition/composition.png  batch statistics\n"
        "  losses.png                   loss curves\n"
        "  embedding.png                the embedding by condition and time\n"
        "  evaluation.txt               trained and untrained encoder compared with baseline features\n"
        f"{_next_step(run_folder, find_spec('napari') is not None)}\n"
    )
    return 0


def _next_step(run_folder: Path, has_viewer: bool) -> str:
    """Say how to look at the run; the last line is a command for the environment that this runs in."""
    line = subprocess.list2cmdline if sys.platform == "win32" else shlex.join
    if has_viewer:
        command = [sys.executable, "-m", "napari", "--plugin", "napari-dynaclr", str(run_folder)]
        return f"open the run in napari:\n  {line(command)}"
    command = [sys.executable, "-m", "dynaclr", "watch", str(run_folder)]
    return (
        "napari is not installed; install napari-dynaclr[gui] for the viewer plugin.\n"
        f"follow the run in this terminal:\n  {line(command)}"
    )


def _say(text: str) -> None:
    sys.stdout.write(f"\n== {text}\n")
    sys.stdout.flush()


def _prepare(root: Path, size: Any, epochs: int) -> Path:
    """Make data, statistics, configuration and the report of set-up; return the configuration."""
    from dynaclr.cli.data import progress_bar
    from dynaclr.cli.verbs import main
    from dynaclr.testing import synthetic_experiments, synthetic_training

    _say("two synthetic experiments")
    with progress_bar("simulating") as tell:
        experiments = synthetic_experiments(root / "data", size=size, progress=tell)
    sys.stdout.write(f"{experiments}\n")
    _say("pixel statistics")
    _check(main(["preprocess", str(experiments)]), "preprocess")
    config = synthetic_training(experiments, size=size, epochs=epochs, runs=root / "runs")
    _say("setup and batches")
    _check(
        main(["inspect", "--config", str(config), "--batches", "100", "--output", str(root / "composition")]),
        "inspect",
    )
    return config


def _train(config: Path, root: Path) -> Path:
    from dynaclr.cli.verbs import main

    _say("training")
    _check(main(["fit", "--config", str(config)]), "fit")
    folder = max((root / "runs").iterdir())
    _say("embedding")
    _check(main(["predict", "--from_run", str(folder)]), "predict")
    return folder


def _check(code: int, verb: str) -> None:
    if code:
        raise TrainingError(problem(f"{verb} ended with exit code {code}", expected=0))


def _draw(config: Path, root: Path, run_folder: Path) -> None:
    """Draw losses and embedding, and measure the encoder."""
    from dynaclr.embedding import read_embeddings
    from dynaclr.figures import embedding_figure, save
    from dynaclr.runs.record.layout import open_run_folder
    from dynaclr.runs.record.watch import RunView, save_curves

    _say("figures and metrics")
    view = RunView(open_run_folder(run_folder))
    view.update()
    save_curves(view, root / "losses.png")
    table = read_embeddings(run_folder / "embedding.parquet")
    seen = table.observations
    colors = {
        "condition": seen["condition"].to_numpy(dtype=object),
        "hours post infection": seen["hours_post_infection"].to_numpy(),
        "experiment": seen["experiment"].to_numpy(dtype=object),
    }
    save(embedding_figure(table.features, colors), root / "embedding.png")
    text = _measure(config, run_folder)
    write_text_atomically(root / "evaluation.txt", text + "\n")
    sys.stdout.write(text + "\n")


def _measure(config: Path, run_folder: Path) -> str:
    """Return the first two demonstrations for the trained and the untrained encoder, on held-out FOVs."""
    import numpy as np
    import torch

    from dynaclr.cli.data import progress_bar
    from dynaclr.cli.training import parse
    from dynaclr.evaluation.encoding import measure, views_of
    from dynaclr.runs.record.checkpoints import load_checkpoint

    cli = parse(["--config", str(config)], "demo")
    pipeline = cli.datamodule.pipeline
    dataset = pipeline.predict_dataset()
    transforms = cli.datamodule.config.transforms
    with progress_bar("reading") as tell:
        views = views_of(dataset, transforms.normalizations, transforms.final_yx_patch_size, progress=tell)
    pipeline.setup()
    held = set(pipeline.val_index.positions) if pipeline.val_index is not None else set()
    of_fov = np.array([name in held for name in dataset.index.positions])
    test = of_fov[dataset.index.table.fov_of(dataset.rows)]
    untrained = cli.model.encoder
    trained = parse(["--config", str(config)], "demo").model
    best = run_folder / "checkpoints" / "best.ckpt"
    with torch.no_grad():
        trained.load_state_dict(load_checkpoint(best)["state_dict"])
    result = measure(views, {"trained": [trained.encoder], "untrained": [untrained]}, test, channel=1)
    return f"held-out FOVs, one seed\n{result.text()}"

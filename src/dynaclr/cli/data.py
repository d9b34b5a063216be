"""preprocess and inspect: the verbs that look at data and train nothing."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dynaclr.base.errors import ConfigError, problem
from dynaclr.base.files import write_text_atomically
from dynaclr.base.paths import absolute_path

if TYPE_CHECKING:
    from dynaclr.index import MultiExperimentIndex


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """Yield a function of (done, all) that draws a bar on a terminal, and nothing elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


def run(verb: str, arguments: Sequence[str]) -> int:
    """Run a verb; return the exit code."""
    return {"preprocess": _preprocess, "inspect": _inspect}[verb](list(arguments))


def _preprocess(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser("python -m dynaclr preprocess", description=_preprocess_help())
    parser.add_argument("experiments", type=absolute_path, help="experiments.yaml")
    parser.add_argument("--experiment", action="append", help="only this experiment; repeatable")
    parser.add_argument("--into-plate", action="store_true", help="write into the plate's own metadata")
    parser.add_argument("--overwrite", action="store_true", help="recompute existing statistics")
    parser.add_argument(
        "--all-channels", action="store_true", help="all channels, not only the source channels"
    )
    parser.add_argument(
        "--focus", action="store_true", help="also find the slice in focus of each frame (z_window: focus)"
    )
    options = parser.parse_args(arguments)

    from dynaclr.experiment import ExperimentRegistry
    from dynaclr.images import focus_of_many
    from dynaclr.pipeline import preprocess_plate

    registry = ExperimentRegistry.from_yaml(options.experiments)
    if options.experiment:
        try:
            registry = registry.subset(options.experiment)
        except KeyError as error:
            raise ConfigError(str(error.args[0])) from error
    for config in registry.experiments:
        channels = None if options.all_channels else list(config.source_channel)
        with progress_bar(config.name) as tell:
            report = preprocess_plate(
                registry.plates[config.name],
                channels,
                into_plate=options.into_plate,
                overwrite=options.overwrite,
                progress=tell,
            )
        sys.stdout.write(f"{config.name}: {report.text()}\n")
        if options.focus:
            fovs = list(registry.plates[config.name].fovs.values())
            channel = registry.channel_maps[config.name][0]
            with progress_bar(f"{config.name}, focus") as tell:
                found = focus_of_many(fovs, [channel] * len(fovs), tell, options.overwrite)
            for source, number in Counter(item.source for item in found).items():
                sys.stdout.write(f"{config.name}: focus of {number} FOVs {source}\n")
    return 0


def _preprocess_help() -> str:
    return (
        "Compute mean, std, median, IQR, percentiles, min and max per dataset, FOV and frame. "
        "Results go beside the plate (<plate>.statistics) unless --into-plate. An interrupted run resumes."
    )


def _inspect(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        "python -m dynaclr inspect",
        description="Report setup, whether tracks belong to the images (a few frames are read), and "
        "statistics of batches as training would draw them; does not train.",
    )
    parser.add_argument("--config", type=absolute_path, required=True, help="the YAML of the training")
    parser.add_argument("--batches", type=int, default=200, help="batches to draw (default 200; 0 for none)")
    parser.add_argument("--epoch", type=int, default=0)
    parser.add_argument(
        "--output",
        type=absolute_path,
        help="folder for report.txt, report.json, composition.csv, composition_report.csv, composition.png "
        "and suspicious.csv",
    )
    parser.add_argument(
        "--suspicious",
        type=int,
        default=0,
        metavar="N",
        help="list the N most suspicious links, tracks, FOVs",
    )
    parser.add_argument(
        "--suspicious-pixels",
        action="store_true",
        help="also check pixels: slower, finds mismatched track tables",
    )
    options, rest = parser.parse_known_args(arguments)
    if min(options.batches, options.epoch, options.suspicious) < 0:
        raise ConfigError(problem("value out of range", field="batches, epoch, suspicious", expected=">= 0"))

    from dynaclr.cli.training import parse
    from dynaclr.composition import as_text, condition_confounds, table
    from dynaclr.pipeline import BatchInspector
    from dynaclr.suspicion import tables_against_images

    data = parse(["--config", str(options.config), *rest], "inspect").datamodule
    report = data.pipeline.setup()
    with progress_bar("tracks against images") as tell:
        found = tables_against_images(data.pipeline.whole_index(), tell)
    report.tables, report.warnings = found.fits, [*report.warnings, *found.wrong]
    text = report.text()
    sys.stdout.write(text + "\n")
    if options.output is not None:
        options.output.mkdir(parents=True, exist_ok=True)
        write_text_atomically(options.output / "report.txt", text + "\n")
        write_text_atomically(options.output / "report.json", json.dumps(report.to_dict(), indent=2) + "\n")
    if options.suspicious:
        _suspicious(data.pipeline.whole_index(), options)
    if not options.batches:
        return 0
    inspector = BatchInspector(data.pipeline)
    with progress_bar("batches") as tell:
        composition = inspector.composition(
            options.epoch, options.batches, lambda done: tell(done, options.batches)
        )
    with progress_bar("pixels") as tell:
        composition.intensities = inspector.intensities(composition.rows, tell)
    composition.confounds = condition_confounds(
        data.pipeline.train_index, composition.rows, composition.intensities
    )
    sys.stdout.write(
        f"\nstatistics of {options.batches} batches of {composition.batch_size}\n{as_text(composition)}\n"
    )
    if options.output is not None:
        import pandas as pd

        from dynaclr.figures import composition_figure, save

        shares = pd.DataFrame(composition.records())
        write_text_atomically(options.output / "composition.csv", shares.to_csv(index=False))
        every = pd.DataFrame(table(composition))
        write_text_atomically(options.output / "composition_report.csv", every.to_csv(index=False))
        save(composition_figure(composition), options.output / "composition.png")
        sys.stdout.write(f"written to {options.output}\n")
    return 0


def _suspicious(index: MultiExperimentIndex, options: argparse.Namespace) -> None:
    """Print the most suspicious observations, and what marks leave out already."""
    import dataclasses

    from dynaclr.suspicion import suspects

    with progress_bar("looking") as tell:
        findings = suspects(
            index, pixels=options.suspicious_pixels, progress=lambda _, done, total: tell(done, total)
        )
    shown = findings[: options.suspicious]
    lines = [f"\n{len(shown)} most suspicious of {len(findings)} findings"]
    if not options.suspicious_pixels:
        lines.append("in the tables alone: swapped tables, or y and x swapped, need --suspicious-pixels")
    lines += [] if index.curation is None else [f"curation: {line}" for line in index.curation.lines()]
    sys.stdout.write("\n".join([*lines, *map(str, shown)]) + "\n")
    if options.output is not None:
        import pandas as pd

        table = pd.DataFrame([dataclasses.asdict(item) for item in findings])
        write_text_atomically(options.output / "suspicious.csv", table.to_csv(index=False))

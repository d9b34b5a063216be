"""preprocess, inspect and convert: the verbs that look at data and train nothing."""

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
    return {"preprocess": _preprocess, "inspect": _inspect, "convert": _convert}[verb](list(arguments))


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


def _convert(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        "python -m dynaclr convert", description="Convert recordings of other formats."
    )
    formats = parser.add_subparsers(dest="format", required=True)
    ctc = formats.add_parser("ctc", help="Cell Tracking Challenge sequences, each becomes a field of view")
    ctc.add_argument(
        "sequences", type=absolute_path, nargs="+", help="folders of images, for example Fluo-N2DL-HeLa/01"
    )
    ctc.add_argument(
        "--masks",
        type=absolute_path,
        nargs="+",
        help="folders of masks and track table; default 01_GT/TRA or 01_RES",
    )
    ctc.add_argument(
        "--output", type=absolute_path, required=True, help="folder for plate, tracks and experiments.yaml"
    )
    ctc.add_argument("--name", required=True, help="name of the experiment")
    ctc.add_argument("--interval-minutes", type=float, required=True)
    ctc.add_argument("--pixel-size-um", type=float, default=1.0)
    ctc.add_argument("--z-step-um", type=float, default=1.0)
    ctc.add_argument("--conditions", nargs="+", default=["control"], help="one for all, or one per sequence")
    ctc.add_argument("--channel-name", default="image")
    ctc.add_argument("--start-hpi", type=float, default=0.0, help="hours after perturbation at frame 0")
    ctc.add_argument("--ome-zarr", choices=["0.4", "0.5"], default="0.4")
    ctc.add_argument("--overwrite", action="store_true", help="overwrite the plate and tracks of this name")
    _tracks_options(
        formats.add_parser("tracks", description=_TRACKS, help="tracks of other tools for a plate")
    )
    options = parser.parse_args(arguments)
    return _convert_ctc(options) if options.format == "ctc" else _convert_tracks(options)


_TRACKS = (
    "Write track files for a plate from TrackMate (XML, or tables of spots and edges), ultrack, btrack, GEFF "
    "or any table (CSV, parquet). The format is found by the content."
)


def _tracks_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sources", type=absolute_path, nargs="+", metavar="SOURCE", help="files or folders")
    parser.add_argument(
        "--output", type=absolute_path, required=True, help="folder of track files, the tracks_path"
    )
    parser.add_argument(
        "--fov", nargs="+", help="field of view of each source, A/1/0; not needed if the plate has one"
    )
    parser.add_argument("--plate", help="OME-Zarr plate or image, or its URL, to hold the tracks against")
    parser.add_argument(
        "--pixel-size-um", type=_length, help="where coordinates are lengths: what a pixel measures in them"
    )
    parser.add_argument("--z-step-um", type=_length, help="the same for z")
    parser.add_argument(
        "--first-frame",
        type=int,
        help="number of the first frame in the source; asked for where it is not clear",
    )
    parser.add_argument(
        "--unit", help="of coordinates: pixel, um, nm ...; default what the source says, or pixel"
    )
    parser.add_argument("--time-step", type=_length, help="where there are times: time between two frames")
    parser.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="NAME=COLUMN",
        help="column of a table that is track_id, t, y, x, z, id, parent_track_id or parent_id; repeatable; "
        "else they are guessed by their names, and shown",
    )
    parser.add_argument(
        "--edges", type=absolute_path, help="table of edges or splits, if not beside the spots"
    )
    parser.add_argument(
        "--masks", type=absolute_path, help="masks that trackastra's edges name, if not beside them"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace track files that are there")


def _length(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text}: expected more than 0")
    return value


def _convert_tracks(options: argparse.Namespace) -> int:
    from dynaclr.cli.asking import asker
    from dynaclr.convert import convert_tracks
    from dynaclr.experiment import location
    from dynaclr.tracks.sources import SourceOptions

    wrong = [text for text in options.column if not all(text.partition("="))]
    if wrong:
        raise ConfigError(problem("no column", field="--column", expected="NAME=COLUMN", found=wrong[0]))
    described = SourceOptions(
        pixel_size_um=options.pixel_size_um,
        z_step_um=options.z_step_um,
        first_frame=options.first_frame,
        time_step=options.time_step,
        columns={text.partition("=")[0]: text.partition("=")[2] for text in options.column},
        unit=options.unit,
        edges=options.edges,
        masks=options.masks,
    )
    report = convert_tracks(
        options.sources,
        options.output,
        options.fov,
        described,
        plate=None if options.plate is None else location(options.plate),
        ask=asker(),
        overwrite=options.overwrite,
    )
    sys.stdout.write(report.text() + "\n")
    return 0


def _convert_ctc(options: argparse.Namespace) -> int:
    from dynaclr.convert import CtcOptions, convert_ctc

    described = CtcOptions(
        name=options.name,
        interval_minutes=options.interval_minutes,
        pixel_size_um=options.pixel_size_um,
        z_step_um=options.z_step_um,
        conditions=options.conditions,
        channel_name=options.channel_name,
        start_hpi=options.start_hpi,
        version=options.ome_zarr,
    )
    if options.masks is not None and len(options.masks) != len(options.sequences):
        raise ConfigError(
            problem(
                "one folder of masks per sequence", expected=len(options.sequences), found=len(options.masks)
            )
        )
    with progress_bar(options.name) as tell:
        report = convert_ctc(
            options.sequences,
            options.output,
            described,
            masks=options.masks,
            overwrite=options.overwrite,
            progress=tell,
        )
    sys.stdout.write(report.text() + "\n")
    return 0

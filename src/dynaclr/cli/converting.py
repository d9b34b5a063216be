"""convert and init: the verbs that make experiments of what other programs wrote."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dynaclr.base.errors import ConfigError, problem
from dynaclr.base.paths import absolute_path
from dynaclr.cli.data import progress_bar


def run(verb: str, arguments: Sequence[str]) -> int:
    """Run a verb; return the exit code."""
    return {"convert": _convert, "init": _init}[verb](list(arguments))


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
        "--channel",
        action="append",
        default=[],
        metavar="NAME=FOLDER[,FOLDER]",
        help="a further channel: a folder of images for each sequence, in their order; repeatable",
    )
    _written_options(ctc)
    ctc.add_argument("--interval-minutes", type=float, required=True)
    ctc.add_argument("--pixel-size-um", type=float, default=1.0)
    ctc.add_argument("--z-step-um", type=float, default=1.0)
    ctc.add_argument("--conditions", nargs="+", default=["control"], help="one for all, or one per sequence")
    ctc.add_argument("--channel-name", default="image")
    _images_options(
        formats.add_parser("images", description=_IMAGES, help="TIFF, OME-TIFF and others, with their tracks")
    )
    _tracks_options(
        formats.add_parser("tracks", description=_TRACKS, help="tracks of other tools for a plate")
    )
    options = parser.parse_args(arguments)
    return {"ctc": _convert_ctc, "images": _convert_images, "tracks": _convert_tracks}[options.format](
        options
    )


def _written_options(parser: argparse.ArgumentParser) -> None:
    """Add what all conversions to an experiment have."""
    parser.add_argument(
        "--output", type=absolute_path, required=True, help="folder for plate, tracks and experiments.yaml"
    )
    parser.add_argument("--name", required=True, help="name of the experiment")
    parser.add_argument("--start-hpi", type=float, default=0.0, help="hours after perturbation at frame 0")
    parser.add_argument("--ome-zarr", choices=["0.4", "0.5"], default="0.4")
    parser.add_argument(
        "--overwrite", action="store_true", help="overwrite the plate and tracks of this name"
    )


_IMAGES = (
    "Make a plate and track files of images: TIFF, OME-TIFF, ImageJ's, and what bioio reads. Which file is "
    "which field of view is said by --pattern or by --table; one file alone needs neither. Sizes, times and "
    "channels are read from the files; what they do not say has an option. Repeated after an interruption, "
    "it goes on where it was."
)


def _images_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "images", type=absolute_path, nargs="*", metavar="IMAGE", help="the folder of --pattern, or one file"
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--pattern",
        help="names of the files below the folder, with {well} or {row} and {column}, {position}, "
        "{condition}, {channel}, {frame} and {z}; * for anything. Quote it: "
        "'{well}_{position}_{channel}_t{frame:d}.tif'",
    )
    which.add_argument(
        "--table",
        type=absolute_path,
        help="CSV with the columns fov, well, condition, image, tracks, and if need be channel and series",
    )
    _written_options(parser)
    parser.add_argument(
        "--conditions",
        nargs="+",
        metavar="NAME[=WELL,...]",
        help="what was done to the cells: one for all, or control=A1,A2 drug=B1",
    )
    parser.add_argument("--channels", nargs="+", default=[], metavar="NAME", help="names of the channels")
    parser.add_argument("--interval-minutes", type=_length, help="time between frames")
    parser.add_argument("--pixel-size-um", type=_length)
    parser.add_argument("--z-step-um", type=_length)
    parser.add_argument(
        "--axes", type=str.upper, help="axes of TIFFs that do not say, or say wrongly: TYX, ZYX, TCYX"
    )
    parser.add_argument(
        "--tracks", help="file or folder of tracks of any tool, with placeholders of --pattern: '{well}.xml'"
    )
    parser.add_argument(
        "--tracks-pixel-size-um", type=_length, help="what a pixel measures in the lengths of the tracks"
    )
    _reading_options(parser)
    parser.add_argument("--workers", type=int, help="frames read at the same time (default: cores)")


def _convert_images(options: argparse.Namespace) -> int:
    from dynaclr.convert import ImageOptions, by_pattern, by_table, convert_images, single
    from dynaclr.tracks.sources import SourceOptions

    if options.table is not None:
        given = "images" if options.images else "--tracks" if options.tracks else None
        if given is not None:
            raise ConfigError(
                problem("the table says it", field=given, fix="Leave it out, or leave out --table.")
            )
        places = by_table(options.table)
    elif options.pattern is not None:
        folder = options.images or [Path.cwd()]
        if len(folder) > 1:
            found = f"{len(folder)} paths"
            raise ConfigError(problem("--pattern is relative to one folder", field="images", found=found))
        places = by_pattern(folder[0], options.pattern, options.tracks)
    else:
        places = single(options.images, absolute_path(options.tracks) if options.tracks else None)
    if options.workers is not None and options.workers < 1:
        raise ConfigError(
            problem("value out of range", field="--workers", expected=">= 1", found=options.workers)
        )
    described = ImageOptions(
        name=options.name,
        interval_minutes=options.interval_minutes,
        pixel_size_um=options.pixel_size_um,
        z_step_um=options.z_step_um,
        channels=tuple(options.channels),
        conditions=_conditions(options.conditions),
        axes=options.axes,
        start_hpi=options.start_hpi,
        version=options.ome_zarr,
        tracks=SourceOptions(
            pixel_size_um=options.tracks_pixel_size_um,
            first_frame=options.first_frame,
            time_step=options.time_step,
            columns=_columns(options),
            unit=options.unit,
        ),
    )
    with progress_bar(options.name) as tell:
        report = convert_images(
            places,
            options.output,
            described,
            overwrite=options.overwrite,
            workers=options.workers,
            progress=lambda _, done, total: tell(done, total),
        )
    sys.stdout.write(report.text() + "\n")
    return 0


def _conditions(texts: Sequence[str] | None) -> str | dict[str, list[str]] | None:
    """Return "control" of control, {"control": ["A1", "A2"]} of control=A1,A2."""
    if not texts:
        return None
    if len(texts) == 1 and "=" not in texts[0]:
        return texts[0]
    wrong = [text for text in texts if not all(text.partition("="))]
    if wrong:
        expected = "one name for all, or NAME=WELL,WELL"
        raise ConfigError(problem("not a condition", field="--conditions", expected=expected, found=wrong[0]))
    return {text.partition("=")[0]: text.partition("=")[2].split(",") for text in texts}


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
    _reading_options(parser)
    parser.add_argument(
        "--edges", type=absolute_path, help="table of edges or splits, if not beside the spots"
    )
    parser.add_argument(
        "--masks", type=absolute_path, help="masks that trackastra's edges name, if not beside them"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace track files that are there")


def _reading_options(parser: argparse.ArgumentParser) -> None:
    """Add what a source of tracks may not say."""
    parser.add_argument(
        "--first-frame", type=int, help="number of the first frame of tracks; asked for where it is not clear"
    )
    parser.add_argument(
        "--unit", help="of coordinates: pixel, um, nm ...; default what the source says, or pixel"
    )
    parser.add_argument("--time-step", type=_length, help="where tracks have times: time between two frames")
    parser.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="NAME=COLUMN",
        help="column of a table of tracks that is track_id, t, y, x, z, id, parent_track_id or parent_id; "
        "repeatable; else they are guessed by their names, and shown",
    )


def _columns(options: argparse.Namespace) -> dict[str, str]:
    wrong = [text for text in options.column if not all(text.partition("="))]
    if wrong:
        raise ConfigError(problem("no column", field="--column", expected="NAME=COLUMN", found=wrong[0]))
    return {text.partition("=")[0]: text.partition("=")[2] for text in options.column}


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

    described = SourceOptions(
        pixel_size_um=options.pixel_size_um,
        z_step_um=options.z_step_um,
        first_frame=options.first_frame,
        time_step=options.time_step,
        columns=_columns(options),
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


def _folders(texts: Sequence[str]) -> dict[str, list[Path]]:
    """Return {"GFP": [folders]} of GFP=folder,folder; those of one name are joined."""
    found: dict[str, list[Path]] = {}
    for text in texts:
        name, _, folders = text.partition("=")
        if not name or not folders:
            expected = "NAME=FOLDER, or NAME=FOLDER,FOLDER for several sequences"
            raise ConfigError(problem("not a channel", field="--channel", expected=expected, found=text))
        found.setdefault(name, []).extend(absolute_path(folder) for folder in folders.split(","))
    return found


def _convert_ctc(options: argparse.Namespace) -> int:
    from dynaclr.convert import CtcOptions, convert_ctc

    described = CtcOptions(
        name=options.name,
        interval_minutes=options.interval_minutes,
        pixel_size_um=options.pixel_size_um,
        z_step_um=options.z_step_um,
        conditions=options.conditions,
        channel_name=options.channel_name,
        channels=_folders(options.channel),
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


def _init(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        "python -m dynaclr init",
        description="Write an experiments.yaml for OME-Zarr plates; what only you know is marked.",
    )
    parser.add_argument("plates", nargs="+", metavar="PLATE", help="OME-Zarr plates or images, or their URLs")
    parser.add_argument("--output", type=absolute_path, default=absolute_path("experiments.yaml"))
    options = parser.parse_args(arguments)

    from dynaclr.convert import write_template

    missing = write_template(options.plates, options.output)
    lines = [
        f"written to {options.output}",
        *(["to be filled in:"] if missing else []),
        *(f"  {line}" for line in missing),
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0

"""export: tracks after curation for other tools."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from dynaclr.base.paths import absolute_path

_TRACKS = (
    "Write the tracks that training uses: what marks exclude is left out, links that they exclude are cut, "
    "marks are columns, if there are any. Files go to OUT/<experiment>/<row>/<column>/<fov>: tracks.csv, "
    "tracks.geff, or 01_RES with the table and masks of the Cell Tracking Challenge."
)


def run(_verb: str, arguments: Sequence[str]) -> int:
    """Run the verb; return the exit code."""
    parser = argparse.ArgumentParser("python -m dynaclr export", description="Write data for other tools.")
    kinds = parser.add_subparsers(dest="kind", required=True)
    tracks = kinds.add_parser("tracks", description=_TRACKS, help="tracks and annotations after curation")
    tracks.add_argument("experiments", type=absolute_path, help="experiments.yaml")
    tracks.add_argument(
        "--to", type=absolute_path, required=True, metavar="OUT", help="folder; made if need be"
    )
    tracks.add_argument("--format", choices=["csv", "geff", "ctc"], default="csv")
    tracks.add_argument("--experiment", action="append", help="only this experiment; repeatable")
    tracks.add_argument(
        "--curation", default="auto", help="file of marks; default curation.csv beside experiments.yaml; none"
    )
    tracks.add_argument(
        "--keep-excluded",
        action="store_true",
        help="write excluded observations too; the column verdict tells",
    )
    tracks.add_argument("--labels", help="label images of the plate for the masks of ctc, if it has several")
    tracks.add_argument(
        "--radius-px", type=float, default=5.0, help="discs of ctc where there is no label image (default 5)"
    )
    tracks.add_argument("--overwrite", action="store_true", help="replace files that are there")
    options = parser.parse_args(list(arguments))

    from dynaclr.cli.data import progress_bar
    from dynaclr.export import ExportOptions, export_tracks
    from dynaclr.options.fold import marks_file

    described = ExportOptions(options.format, options.keep_excluded, options.labels, options.radius_px)
    marks = None if options.curation == "none" else marks_file(options.experiments, options.curation)
    with progress_bar("fields of view") as tell:
        report = export_tracks(
            options.experiments,
            options.to,
            described,
            curation=marks,
            only=options.experiment,
            overwrite=options.overwrite,
            progress=tell,
        )
    sys.stdout.write(report.text() + "\n")
    return 0

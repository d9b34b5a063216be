"""Makes tables of tracks wrong on purpose, in a copy, to see whether a reviewer finds it.

    python examples/corrupt.py experiments.yaml wrong exchange --experiment hela --fovs A/1/0 A/1/1
    python examples/corrupt.py experiments.yaml wrong links --share 0.02
    python -m dynaclr inspect --config train.yaml --data.experiments_yaml wrong/experiments.yaml \
        --suspicious 30 --suspicious-pixels --batches 0 --output look
    python examples/corrupt.py --score wrong look/suspicious.csv

`exchange` exchanges the tables of two fields of view, `links` exchanges links of neighbors, `yx` exchanges y
and x, `microns` writes micrometers for pixels, `shift` moves all centroids by 20 pixels, `drift` by 0.7 more
with every frame, and `late` counts frames from 3. Images are not copied: the new list says where they are.
`wrong.csv` in the new folder says what was made wrong: fields of view, or where wrong links arrive.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from dynaclr.experiment import ExperimentConfig, read_experiments
from dynaclr.experiment.plates import read_plate

LINK = ["experiment", "fov_name", "track_id", "t"]

Change = Callable[[pd.DataFrame, float], pd.DataFrame]
"""(table, micrometers a pixel) to the table made wrong."""


def copied(source: Path, folder: Path) -> Path:
    """Copy the list of experiments and the tracks; return the new list. Images stay where they are."""
    entries = yaml.safe_load(source.read_text(encoding="utf-8"))
    folder.mkdir(parents=True)
    for entry, config in zip(entries["experiments"], read_experiments(source), strict=True):
        entry["data_path"] = str(config.plate_path)
        entry["tracks_path"] = f"{config.name}.tracks"
        shutil.copytree(config.tracks_root, folder / entry["tracks_path"])
    path = folder / "experiments.yaml"
    path.write_text(yaml.safe_dump(entries, sort_keys=False), encoding="utf-8")
    return path


def table_of(config: ExperimentConfig, fov: str) -> Path:
    """Return the table of a field of view."""
    (path,) = (config.tracks_root / fov).glob("*.csv")
    return path


def exchanged_links(table: pd.DataFrame, share: float, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a table with a share of its links exchanged with the nearest neighbor's, and the wrong rows.

    From the frame of a wrong link on, the two cells have each other's track.
    """
    rng = np.random.Generator(np.random.Philox(seed))
    track, t = table.track_id.to_numpy().copy(), table.t.to_numpy()
    places = table[["y", "x"]].to_numpy()
    seen = set(zip(track.tolist(), t.tolist(), strict=True))
    inner = [row for row in range(len(t)) if (int(track[row]), int(t[row]) - 1) in seen]
    chosen: set[int] = set()
    for row in rng.permutation(inner).tolist():
        beside = [other for other in inner if t[other] == t[row] and other != row]
        if len(chosen) >= share * len(inner) or row in chosen or not beside:
            continue
        near = min(beside, key=lambda other: float(np.hypot(*(places[other] - places[row]))))
        if near in chosen:
            continue
        chosen |= {row, near}
        own, others = (np.flatnonzero((track == track[end]) & (t >= t[row])) for end in (row, near))
        track[own], track[others] = track[near], track[row]
    mother = table.groupby("track_id").parent_track_id.first() if "parent_track_id" in table else None
    table = table.assign(track_id=track).drop(columns=["id", "parent_id"], errors="ignore")
    if mother is not None:
        table = table.assign(parent_track_id=mother.loc[track].to_numpy())
    return table.sort_values(["track_id", "t"], ignore_index=True), table.iloc[sorted(chosen)]


def exchange_tables(config: ExperimentConfig, fovs: list[str]) -> pd.DataFrame:
    """Exchange the tables of two fields of view; return what is wrong now."""
    one, two = (table_of(config, fov) for fov in fovs)
    texts = one.read_bytes(), two.read_bytes()
    one.write_bytes(texts[1])
    two.write_bytes(texts[0])
    return pd.DataFrame({"experiment": config.name, "fov_name": fovs})


def exchange_links(config: ExperimentConfig, fovs: list[str], share: float, seed: int) -> pd.DataFrame:
    """Exchange links in fields of view; return where the wrong ones arrive."""
    found = []
    for number, fov in enumerate(fovs):
        path = table_of(config, fov)
        table, wrong = exchanged_links(pd.read_csv(path), share, seed + number)
        table.to_csv(path, index=False)
        found.append(wrong.assign(experiment=config.name, fov_name=fov)[LINK])
    return pd.concat(found)


def change_places(config: ExperimentConfig, fovs: list[str], change: Change) -> pd.DataFrame:
    """Change the centroids of fields of view; return what is wrong now."""
    layouts = read_plate(config.plate_path).fovs
    wrong = []
    for fov in fovs:
        path = table_of(config, fov)
        table = pd.read_csv(path)
        made = change(table, float(layouts[fov].scale[-1]))
        if not made.equals(table):  # a pixel of unknown size counts as 1 um: nothing becomes wrong
            made.to_csv(path, index=False)
            wrong.append(fov)
    return pd.DataFrame({"experiment": config.name, "fov_name": wrong})


def exchanged_yx(table: pd.DataFrame, um: float) -> pd.DataFrame:
    """Return a table whose y and x are swapped."""
    return table.assign(y=table.x, x=table.y)


def microns(table: pd.DataFrame, um: float) -> pd.DataFrame:
    """Return a table whose centroids are micrometers."""
    return table.assign(y=table.y * um, x=table.x * um)


CHANGES: dict[str, Change] = {
    "yx": exchanged_yx,
    "microns": microns,
    "shift": lambda table, um: table.assign(y=table.y + 20),
    "drift": lambda table, um: table.assign(y=table.y + 0.5 * table.t, x=table.x + 0.5 * table.t),
    "late": lambda table, um: table.assign(t=table.t + 3)[table.t + 3 <= table.t.max()],
}


def corrupt(options: argparse.Namespace) -> pd.DataFrame:
    """Write the copy that is wrong; return what is wrong in it."""
    path = copied(options.source, options.target)
    chosen = [config for config in read_experiments(path) if options.experiment in (None, config.name)]
    wrong = []
    for config in chosen:
        every = sorted(read_plate(config.plate_path).fovs)
        fovs = options.fovs or (every[:2] if options.fault == "exchange" else every)
        if options.fault == "links":
            wrong.append(exchange_links(config, fovs, options.share, options.seed))
        elif options.fault != "exchange":
            wrong.append(change_places(config, fovs, CHANGES[options.fault]))
        elif len(fovs) == 2:
            wrong.append(exchange_tables(config, fovs))
    table = pd.concat(wrong, ignore_index=True)
    table.to_csv(options.target / "wrong.csv", index=False)
    return table


def score(wrong: pd.DataFrame, found: pd.DataFrame) -> str:
    """Return at which places of the list of suspicions the wrong things are."""
    if "t" in wrong:
        by, about = LINK, found.kind == "link"
    else:
        by, about = ["experiment", "fov_name"], (found.kind == "fov") & found.t.isna()
    truth = set(wrong[by].itertuples(index=False, name=None))
    hits = [tuple(row) in truth for row in found[by].to_numpy().tolist()]
    places = np.flatnonzero(np.array(hits, dtype=bool) & about.to_numpy()) + 1
    lines = [f"{len(truth)} wrong, {len(found)} findings; first at place {min(places, default=0)}"]
    for most in (len(truth), 2 * len(truth)):
        lines.append(f"among the first {most}: {np.count_nonzero(places <= most)} of {len(truth)}")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Make data wrong, or tell where in the list of suspicions that is found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, help="experiments.yaml, or the folder of wrong data for --score")
    parser.add_argument("target", type=Path, help="new folder, or suspicious.csv for --score")
    parser.add_argument("fault", nargs="?", choices=("exchange", "links", *CHANGES))
    parser.add_argument("--experiment", help="only this one")
    parser.add_argument("--fovs", nargs="+", help="only these; all by default, the first two to exchange")
    parser.add_argument("--share", type=float, default=0.02, help="share of links")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--score", action="store_true", help="tell where the wrong things are in the list")
    options = parser.parse_args(arguments)
    if options.score:
        print(score(pd.read_csv(options.source / "wrong.csv"), pd.read_csv(options.target)))
        return 0
    if options.fault is None:
        parser.error(f"what shall be wrong: {', '.join(('exchange', 'links', *CHANGES))}")
    wrong = corrupt(options)
    print(f"{options.target / 'experiments.yaml'}: {len(wrong)} things are wrong, see wrong.csv")
    return 0


if __name__ == "__main__":
    sys.exit(main())

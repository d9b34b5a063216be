"""Which statistics the normalizations need and the stores lack; computes none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dynaclr.base import keys
from dynaclr.base.errors import DataError, listing, problem
from dynaclr.dataset import MultiExperimentTripletDataset
from dynaclr.experiment import ExperimentRegistry

Lacking = Mapping[str, Mapping[str, Sequence[str]]]
"""{experiment: {FOV: what it lacks}}."""


def lacking_statistics(dataset: MultiExperimentTripletDataset, normalizations: Sequence[Any]) -> Lacking:
    """Return {experiment: {FOV: ["level.statistic", ...]}} of what is missing; complete ones are empty."""
    index = dataset.index
    lacking: dict[str, dict[str, list[str]]] = {
        index.registry.names[entry.experiment]: {} for entry in index.fovs
    }
    for transform in normalizations:
        for statistic in transform.statistics:
            there = dataset.norms.available(transform.level, statistic)
            for place in (~there).nonzero()[0]:
                entry = index.fovs[place]
                fovs = lacking[index.registry.names[entry.experiment]]
                why = dict.fromkeys(dataset.norms.outdated.get(int(place), {}).values())
                text = f"{transform.level}.{statistic}" + (f" ({listing(why)})" if why else "")
                fovs.setdefault(entry.layout.name, []).append(text)
    return lacking


def require_statistics(parts: Sequence[Lacking], registry: ExperimentRegistry) -> None:
    """Do nothing if every dataset has what it needs.

    Raises
    ------
    DataError
        If anything lacks, with the experiments, FOVs and statistics, and what is complete.
    """
    lacking: dict[str, dict[str, Sequence[str]]] = {}
    for part in parts:
        for experiment, fovs in part.items():
            lacking.setdefault(experiment, {}).update(fovs)
    if not any(lacking.values()):
        return
    places = {name: f"{name} ({registry.get_experiment(name).data_path})" for name in lacking}
    texts = [
        f"{places[name]}: {len(fovs)} FOVs ({listing(fovs, 3)}) lack "
        f"{listing(dict.fromkeys(what for whats in fovs.values() for what in whats))}"
        for name, fovs in lacking.items()
        if fovs
    ]
    complete = [places[name] for name, fovs in lacking.items() if not fovs]
    raise DataError(
        problem(
            "statistics required by the normalizations are missing",
            field=keys.NORMALIZATION,
            found="; ".join([*texts, *([f"complete: {listing(complete)}"] if complete else [])]),
            fix="Run `python -m dynaclr preprocess`, or set missing_statistics to 'compute'.",
        )
    )

"""Signatures that users rely on: names, order and defaults of the first parameters."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import dynaclr

REQUIRED = inspect.Parameter.empty

SIGNATURES: dict[str, dict[str, Any]] = {
    "ExperimentConfig": {
        **dict.fromkeys(("name", "data_path", "tracks_path", "channel_names", "source_channel"), REQUIRED),
        "condition_wells": REQUIRED,
        **{"interval_minutes": 30.0, "start_hpi": 0.0, "organelle": "", "date": "", "moi": 0.0},
    },
    "ExperimentRegistry": {"experiments": REQUIRED},
    "MultiExperimentIndex": {
        **dict.fromkeys(("registry", "z_range", "yx_patch_size"), REQUIRED),
        **{"tau_range_hours": (0.5, 2.0), "include_wells": None, "exclude_fovs": None},
    },
    "sample_tau": {**dict.fromkeys(("tau_min", "tau_max", "rng"), REQUIRED), "decay_rate": 2.0},
    "FlexibleBatchSampler": {
        "valid_anchors": REQUIRED,
        **{"batch_size": 128, "experiment_aware": True, "leaky": 0.0, "experiment_weights": None},
        **{"condition_balanced": True, "condition_ratio": None, "temporal_enrichment": False},
        **{"temporal_window_hours": 2.0, "temporal_global_fraction": 0.3, "num_replicas": 1, "rank": 0},
        **{"seed": 0, "drop_last": True},
    },
    "MultiExperimentTripletDataset": {
        **{"index": REQUIRED, "fit": True, "tau_range_hours": None, "tau_decay_rate": 2.0},
        **{"return_negative": False, "cache_pool_bytes": 0},
    },
    "ChannelDropout": dict.fromkeys(("channels", "p"), REQUIRED),
    "NTXentHCL": {"temperature": 0.07, "beta": 0.5},
    "ContrastiveModule": {"encoder": REQUIRED, "loss_function": None},
    "MultiExperimentDataModule": {
        **dict.fromkeys(("experiments_yaml", "z_range", "yx_patch_size", "final_yx_patch_size"), REQUIRED),
        **{"val_experiments": REQUIRED, "tau_range": (0.5, 2.0), "tau_decay_rate": 2.0, "batch_size": 128},
        **{"num_workers": 1, "experiment_aware": True, "condition_balanced": True, "leaky": 0.0},
        **{"temporal_enrichment": False, "temporal_window_hours": 2.0, "temporal_global_fraction": 0.3},
        **{"experiment_weights": None, "condition_ratio": None, "channel_dropout_channels": [1]},
        **{"channel_dropout_prob": 0.5, "normalizations": [], "augmentations": [], "hcl_beta": 0.5},
        **{"cache_pool_bytes": 0, "seed": 0, "include_wells": None, "exclude_fovs": None},
    },
}


@pytest.mark.slow
def test_signatures() -> None:
    for name, expected in SIGNATURES.items():
        thing = getattr(dynaclr, name)
        found = {item.name: item.default for item in inspect.signature(thing).parameters.values()}
        assert list(found)[: len(expected)] == list(expected), name
        assert {key: found[key] for key in expected} == expected, name
        text = inspect.getdoc(thing) or ""
        if inspect.isclass(thing):
            assert [key for key in found if key not in text and key != "line"] == [], f"{name} describes all"


@pytest.mark.slow
def test_every_public_name_loads_and_says_what_it_is() -> None:
    for name in dynaclr.__all__:
        thing = getattr(dynaclr, name)
        assert thing.__name__ == name
        assert inspect.getdoc(thing)

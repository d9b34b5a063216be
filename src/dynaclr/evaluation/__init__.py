"""Is the embedding real? Measures on plain arrays of features and observations."""

from __future__ import annotations

from dynaclr.evaluation.baselines import handcrafted_features, pixel_features
from dynaclr.evaluation.metrics import effective_rank, smoothness_ratio, temporal_order
from dynaclr.evaluation.observations import Observations
from dynaclr.evaluation.probes import division_labels, linear_probe
from dynaclr.evaluation.report import Demonstration, EncodedViews, demonstrate
from dynaclr.evaluation.retrieval import Recall, recall_at_1
from dynaclr.evaluation.rotation import rotated_patches

__all__ = (
    "Demonstration",
    "EncodedViews",
    "Observations",
    "Recall",
    "demonstrate",
    "division_labels",
    "effective_rank",
    "handcrafted_features",
    "linear_probe",
    "pixel_features",
    "recall_at_1",
    "rotated_patches",
    "smoothness_ratio",
    "temporal_order",
)

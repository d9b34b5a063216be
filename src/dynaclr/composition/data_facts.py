"""What batches can be drawn from, in words: conditions, hours, exclusions and confounds; of no batch."""

from __future__ import annotations

import numpy as np

from dynaclr.composition.fact import Fact, percent
from dynaclr.composition.record import Composition

_FLAG_OVERLAP = 0.5
_FLAG_AUROC = 0.9
_FLAG_LOSS_GAP = 0.2
_FLAG_SHIFT, _FLAG_RATIO = 0.5, 1.5  # standard deviations apart; times wider or narrower


def data_facts(composition: Composition) -> list[Fact]:
    """Return what is to be known about the data that batches are drawn from."""
    return [
        *_condition_facts(composition),
        *_hour_facts(composition),
        *_loss_facts(composition),
        *_intensity_facts(composition),
        *_confound_facts(composition),
    ]


def _condition_facts(composition: Composition) -> list[Fact]:
    crossing = composition.crossing
    confounded = dict(crossing.confounded)
    result = []
    for place, condition in enumerate(crossing.conditions):
        drawn = zip(crossing.experiments, crossing.drawn[:, place].tolist(), strict=True)
        pool = zip(crossing.experiments, crossing.pool[:, place].tolist(), strict=True)
        result.append(
            Fact(
                "conditions",
                condition,
                ", ".join(f"{name} {count}" for name, count in drawn),
                "pool " + ", ".join(f"{name} {count}" for name, count in pool),
                condition in confounded,
                f"Occurs in '{confounded[condition]}' only: it is confounded with that experiment."
                if condition in confounded
                else "Occurs in more than one experiment, or there is only one experiment.",
            )
        )
    return result


def _hour_facts(composition: Composition) -> list[Fact]:
    histogram = composition.hour_histogram
    result = []
    for a in range(len(histogram.conditions)):
        for b in range(a + 1, len(histogram.conditions)):
            overlap = float(histogram.overlap[a, b])
            result.append(
                Fact(
                    "hours",
                    f"overlap of {histogram.conditions[a]} and {histogram.conditions[b]}",
                    percent(overlap),
                    "100 % is the same hours",
                    bool(overlap < _FLAG_OVERLAP),
                    "Where hours differ between conditions, time is a confound.",
                )
            )
    return result


def _loss_facts(composition: Composition) -> list[Fact]:
    exclusions = composition.exclusions
    share = exclusions.excluded_share
    result = []
    for e, c in np.argwhere(exclusions.counts.sum(axis=2) > 0).tolist():
        causes = sorted(
            zip(exclusions.counts[e, c, 1:].tolist(), exclusions.causes[1:], strict=True), reverse=True
        )
        named = ", ".join(f"{cause} {count}" for count, cause in causes if count) or "none"
        gap = share[e, c] - np.nanmin(share[e])
        result.append(
            Fact(
                "lost",
                f"{exclusions.experiments[e]}, {exclusions.conditions[c]}",
                f"{percent(float(share[e, c]))} of observations are not anchors",
                named,
                bool(gap > _FLAG_LOSS_GAP),
                "Exclusions that differ between conditions bias the comparison.",
            )
        )
    return result


def _intensity_facts(composition: Composition) -> list[Fact]:
    found = composition.intensities
    if found is None or not found.rows.size:
        return []
    means, stds = found.of()
    result = []
    for number in np.unique(found.experiment).tolist():
        own_means, own_stds = found.of(number)
        for place, channel in enumerate(found.channels):
            mean, std = float(own_means[place]), float(own_stds[place])
            shift = abs(mean - means[place]) / max(float(stds[place]), 1e-12)
            ratio = max(std, 1e-12) / max(float(stds[place]), 1e-12)
            result.append(
                Fact(
                    "intensity",
                    f"{found.experiments[number]}, {channel}",
                    f"mean {mean:.3g}, std {std:.3g}",
                    f"all {means[place]:.3g}, {stds[place]:.3g}",
                    bool(shift > _FLAG_SHIFT or not 1 / _FLAG_RATIO <= ratio <= _FLAG_RATIO),
                    "Normalized intensities should match: a network can learn the difference.",
                )
            )
    return result


def _confound_facts(composition: Composition) -> list[Fact]:
    return [
        Fact(
            "confound",
            f"{item.condition} from {item.source}",
            f"AUROC {item.auroc:.2f}" if np.isfinite(item.auroc) else "too few to tell",
            f"0.5 is chance; folds of {item.grouped_by}s",
            bool(item.auroc > _FLAG_AUROC) and item.source != "FOV",
            "A network can learn this shortcut instead of the cells."
            if item.source != "FOV"
            else "Near 1 by design: each field of view has one condition.",
        )
        for item in composition.confounds
    ]

"""The composition of batches as facts in words and as one table; draws nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dynaclr.composition.record import Composition

__all__ = ("Fact", "facts", "table")

_FLAG_OVERLAP = 0.5
_FLAG_AUROC = 0.9
_FLAG_MOVED = 0.2
_FLAG_LOSS_GAP = 0.2


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing to know about batches.

    Attributes
    ----------
    section, name
        What it is about.
    value
        In words.
    reference
        What to hold beside it: the pool, the request, chance; empty for nothing.
    flagged
        Whether a person should look at it.
    meaning
        Why it matters, in a sentence.
    """

    section: str
    name: str
    value: str
    reference: str = ""
    flagged: bool = False
    meaning: str = ""

    def line(self) -> str:
        """Return the fact as a line of text."""
        beside = f"  ({self.reference})" if self.reference else ""
        return f"{'! ' if self.flagged else '  '}{self.section:<11} {self.name:<38} {self.value}{beside}"


def facts(composition: Composition) -> list[Fact]:
    """Return all that is to be known besides the counts along the axes."""
    return [
        *_condition_facts(composition),
        *_hour_facts(composition),
        *_draw_facts(composition),
        *_tau_facts(composition),
        *_lineage_facts(composition),
        *_border_facts(composition),
        *_loss_facts(composition),
        *_coverage_facts(composition),
        *_confound_facts(composition),
    ]


def _percent(share: float) -> str:
    return "unknown" if not np.isfinite(share) else f"{100 * share:.1f} %"


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
                f"Occurs in '{confounded[condition]}' only: it cannot be told apart from that experiment."
                if condition in confounded
                else "Occurs in more than one experiment, or there is one experiment only.",
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
                    _percent(overlap),
                    "100 % is the same hours",
                    bool(overlap < _FLAG_OVERLAP),
                    "Where hours differ between conditions, the hour gives the condition away.",
                )
            )
    return result


def _draw_facts(composition: Composition) -> list[Fact]:
    draws = composition.draws
    if draws is None:
        return []
    result = []
    if draws.focal_requested > 0:
        result.append(
            Fact(
                "sampler",
                "near the focal hour",
                _percent(draws.focal_realised),
                f"requested at least {_percent(draws.focal_requested)}",
                draws.focal_realised < draws.focal_requested - 0.05,
                "Rows that may be at any hour can be near the focal hour too.",
            )
        )
    if draws.leaked_requested > 0:
        result.append(
            Fact(
                "sampler",
                "from other experiments",
                _percent(draws.leaked_realised),
                f"requested {_percent(draws.leaked_requested)}",
                abs(draws.leaked_realised - draws.leaked_requested) > 0.05,
                "Rows of another experiment than the one that the batch is built around.",
            )
        )
    for name, share, meaning in (
        ("drawn with replacement", draws.replaced, "There are fewer anchors than places: rows may repeat."),
        (
            "taken from all hours instead",
            draws.widened,
            "No anchor of its condition was near the focal hour.",
        ),
        ("taken from the own experiment instead", draws.unleaked, "No other experiment has the condition."),
    ):
        result.append(Fact("sampler", name, _percent(share), "", share > 0.05, meaning))
    return result


def _tau_facts(composition: Composition) -> list[Fact]:
    result = []
    for item in composition.tau:
        hours, total = item.hours, max(item.pairs, 1)
        mean, asked = (float(hours @ counts) / total for counts in (item.realised, item.requested))
        result.append(
            Fact(
                "tau",
                item.experiment,
                f"mean {mean:.2f} h ({mean / item.interval_hours:.2f} frames), "
                f"{hours[0]:.3g}-{hours[-1]:.3g} h ({item.frames[0]}-{item.frames[-1]} frames)",
                f"requested mean {asked:.2f} h",
                item.collapsed,
                "All of the range is rounded to one frame." if item.collapsed else "Time to the positive.",
            )
        )
        result.append(
            Fact(
                "tau",
                f"{item.experiment}: at another tau",
                _percent(item.moved_share),
                "0 % if tracks had no ends and no gaps",
                item.moved_share > _FLAG_MOVED,
                "A track ends or has a gap, so that the offset that was drawn has no positive.",
            )
        )
    return result


def _lineage_facts(composition: Composition) -> list[Fact]:
    pairs, chance = composition.lineage_pairs.mean(), composition.expected_lineage_pairs.mean()
    repeated = composition.duplicates
    return [
        Fact(
            "batch",
            "duplicates",
            f"{repeated.mean():.2f} anchors a batch (max {repeated.max()})",
            "0 is best",
            bool(repeated.mean() > 0.02 * composition.batch_size),
            "An anchor that occurs twice in a batch is pushed away from itself.",
        ),
        Fact(
            "batch",
            "pairs of one lineage",
            f"{pairs:.2f} a batch",
            f"{chance:.2f} by chance",
            bool(pairs > 2 * chance + 2),
            "Relatives in a batch count as negatives unless the loss leaves them out.",
        ),
    ]


def _border_facts(composition: Composition) -> list[Fact]:
    border = composition.border
    return [
        Fact(
            "border",
            "pairs with a moved patch",
            _percent(border.pairs),
            f"anchors {_percent(border.anchors)}, positives {_percent(border.positives)}, "
            f"pool {_percent(border.pool)}",
            border.pairs > 0.25,
            "The patch would reach beyond the image and was moved: the cell is not in its middle.",
        )
    ]


def _loss_facts(composition: Composition) -> list[Fact]:
    losses = composition.losses
    share = losses.lost_share
    result = []
    for e, c in np.argwhere(losses.counts.sum(axis=2) > 0).tolist():
        causes = sorted(zip(losses.counts[e, c, 1:].tolist(), losses.causes[1:], strict=True), reverse=True)
        named = ", ".join(f"{cause} {count}" for count, cause in causes if count) or "none"
        gap = share[e, c] - np.nanmin(share[e])
        result.append(
            Fact(
                "lost",
                f"{losses.experiments[e]}, {losses.conditions[c]}",
                f"{_percent(float(share[e, c]))} of observations are no anchors",
                named,
                bool(gap > _FLAG_LOSS_GAP),
                "Losses that differ between conditions change what the conditions look like.",
            )
        )
    return result


def _coverage_facts(composition: Composition) -> list[Fact]:
    coverage = composition.coverage
    goal = coverage.epochs_to_goal
    epochs = "never: some are not drawn" if not np.isfinite(goal) else f"{goal:.3g} epochs"
    result = [
        Fact(
            "coverage",
            "distinct anchors",
            f"{coverage.seen[-1]} of {coverage.anchors} ({_percent(coverage.seen[-1] / coverage.anchors)})",
            f"{len(coverage.seen)} of {coverage.batches_per_epoch} batches of an epoch",
            False,
            "Anchors that occurred at least once.",
        ),
        Fact(
            "coverage",
            "until 95 % are seen",
            epochs,
            "estimated from these batches" if coverage.estimated else "measured",
            not goal < 20,
            "Anchors that are rarely drawn teach little.",
        ),
        Fact(
            "coverage",
            "repeats",
            f"none more than {coverage.max_repeats} times",
            f"mean {composition.hours.size / max(int(coverage.seen[-1]), 1):.2f} times",
            False,
            "How often one anchor was drawn in all these batches.",
        ),
        Fact(
            "coverage",
            f"equal batches on {coverage.ranks} ranks",
            f"{coverage.same_batches} steps",
            "must be 0",
            coverage.same_batches > 0,
            f"Ranks share {coverage.shared_anchors:.2f} anchors a step, drawn independently.",
        ),
    ]
    if np.isfinite(coverage.distinct_per_epoch):
        share = _percent(coverage.distinct_per_epoch / coverage.anchors)
        text = f"{coverage.distinct_per_epoch:.0f} ({share})"
        result.insert(1, Fact("coverage", "distinct anchors an epoch", text, "", False, "Of whole epochs."))
    return result


def _confound_facts(composition: Composition) -> list[Fact]:
    return [
        Fact(
            "confound",
            f"{item.condition} from {item.source}",
            f"AUROC {item.auroc:.2f}" if np.isfinite(item.auroc) else "too few to tell",
            f"0.5 is chance; folds of {item.grouped_by}s",
            bool(item.auroc > _FLAG_AUROC) and item.source != "FOV",
            "A network can learn this instead of the cells."
            if item.source != "FOV"
            else "Near 1 by design: every field of view has one condition.",
        )
        for item in composition.confounds
    ]


def table(composition: Composition) -> list[dict[str, Any]]:
    """Return everything as records of one form, for a file: section, name, value, reference, look."""
    shares = [
        {
            "section": item["axis"],
            "name": item["label"],
            "value": f"{100 * item['share']:.2f} %",
            "reference": "" if item["pool_share"] is None else f"pool {100 * item['pool_share']:.2f} %",
            "look": "",
        }
        for item in composition.records()
    ]
    others = [
        {
            "section": fact.section,
            "name": fact.name,
            "value": fact.value,
            "reference": fact.reference,
            "look": fact.meaning if fact.flagged else "",
        }
        for fact in facts(composition)
    ]
    return shares + others

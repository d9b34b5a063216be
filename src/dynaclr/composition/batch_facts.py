"""What was drawn, in words: shares, tau, relatives, borders and coverage; of no single pair."""

from __future__ import annotations

import numpy as np

from dynaclr.composition.fact import Fact, percent
from dynaclr.composition.record import Composition

_FLAG_MOVED = 0.2


def batch_facts(composition: Composition) -> list[Fact]:
    """Return what is to be known about the batches that were drawn."""
    return [
        *_draw_facts(composition),
        *_tau_facts(composition),
        *_lineage_facts(composition),
        *_border_facts(composition),
        *_coverage_facts(composition),
    ]


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
                percent(draws.focal_realized),
                f"requested at least {percent(draws.focal_requested)}",
                draws.focal_realized < draws.focal_requested - 0.05,
                "Anchors drawn from any hour can be near the focal hour too.",
            )
        )
    if draws.leaked_requested > 0:
        result.append(
            Fact(
                "sampler",
                "from other experiments",
                percent(draws.leaked_realized),
                f"requested {percent(draws.leaked_requested)}",
                abs(draws.leaked_realized - draws.leaked_requested) > 0.05,
                "Cross-experiment fraction: anchors of other experiments than the main one.",
            )
        )
    for name, share, meaning in (
        ("drawn with replacement", draws.replaced, "There are fewer anchors than slots: some repeat."),
        (
            "fallback to all hours",
            draws.widened,
            "No anchor of the condition was near the focal hour.",
        ),
        ("fallback to the same experiment", draws.unleaked, "No other experiment has the condition."),
    ):
        result.append(Fact("sampler", name, percent(share), "", share > 0.05, meaning))
    return result


def _tau_facts(composition: Composition) -> list[Fact]:
    result = []
    for item in composition.tau:
        hours, total = item.hours, max(item.pairs, 1)
        mean, asked = (float(hours @ counts) / total for counts in (item.realized, item.requested))
        result.append(
            Fact(
                "tau",
                item.experiment,
                f"mean {mean:.2f} h ({mean / item.interval_hours:.2f} frames), "
                f"{hours[0]:.3g}-{hours[-1]:.3g} h ({item.frames[0]}-{item.frames[-1]} frames)",
                f"requested mean {asked:.2f} h",
                item.collapsed,
                "The whole tau range is rounded to one frame."
                if item.collapsed
                else "Time from anchor to positive.",
            )
        )
        result.append(
            Fact(
                "tau",
                f"{item.experiment}: at another tau",
                percent(item.moved_share),
                "0 % if tracks had no ends and no gaps",
                item.moved_share > _FLAG_MOVED,
                "A track ends or has a gap, so the drawn tau has no positive.",
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
            f"{repeated.mean():.2f} anchors per batch (max {repeated.max()})",
            "0 is best",
            bool(repeated.mean() > 0.02 * composition.batch_size),
            "An anchor that occurs twice in a batch is its own negative.",
        ),
        Fact(
            "batch",
            "pairs of one lineage",
            f"{pairs:.2f} per batch",
            f"{chance:.2f} by chance",
            bool(pairs > 2 * chance + 2),
            "Relatives in a batch count as negatives unless the loss excludes them.",
        ),
    ]


def _border_facts(composition: Composition) -> list[Fact]:
    border = composition.border
    return [
        Fact(
            "border",
            "pairs with a shifted patch",
            percent(border.pairs),
            f"anchors {percent(border.anchors)}, positives {percent(border.positives)}, "
            f"pool {percent(border.pool)}",
            border.pairs > 0.25,
            "The patch would extend beyond the image and was shifted: the cell is off center.",
        )
    ]


def _coverage_facts(composition: Composition) -> list[Fact]:
    coverage = composition.coverage
    goal = coverage.epochs_to_goal
    epochs = "never: some are never drawn" if not np.isfinite(goal) else f"{goal:.3g} epochs"
    result = [
        Fact(
            "coverage",
            "distinct anchors",
            f"{coverage.seen[-1]} of {coverage.anchors} ({percent(coverage.seen[-1] / coverage.anchors)})",
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
            "Rarely drawn anchors contribute little to training.",
        ),
        Fact(
            "coverage",
            "repeats",
            f"none more than {coverage.max_repeats} times",
            f"mean {composition.hours.size / max(int(coverage.seen[-1]), 1):.2f} times",
            False,
            "How often one anchor was drawn in these batches.",
        ),
        Fact(
            "coverage",
            f"equal batches on {coverage.ranks} ranks",
            f"{coverage.same_batches} steps",
            "must be 0",
            coverage.same_batches > 0,
            f"Ranks share {coverage.shared_anchors:.2f} anchors per step, drawn independently.",
        ),
    ]
    if np.isfinite(coverage.distinct_per_epoch):
        share = percent(coverage.distinct_per_epoch / coverage.anchors)
        text = f"{coverage.distinct_per_epoch:.0f} ({share})"
        result.insert(1, Fact("coverage", "distinct anchors per epoch", text, "", False, "Of whole epochs."))
    return result

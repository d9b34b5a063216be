"""The composition of batches as facts in words and as one table; draws nothing."""

from __future__ import annotations

from typing import Any

from dynaclr.composition.batch_facts import batch_facts
from dynaclr.composition.data_facts import data_facts
from dynaclr.composition.fact import Fact
from dynaclr.composition.record import Composition

_SECTIONS = (
    "conditions",
    "hours",
    "sampler",
    "tau",
    "batch",
    "border",
    "lost",
    "coverage",
    "intensity",
    "confound",
)


def facts(composition: Composition) -> list[Fact]:
    """Return all that is to be known besides the counts along the axes, by section."""
    found = [*data_facts(composition), *batch_facts(composition)]
    return sorted(found, key=lambda fact: _SECTIONS.index(fact.section))


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


def as_text(composition: Composition) -> str:
    """Return the counts along the axes, the facts and the warnings as a person reads them."""
    lines = [f"{'axis':<12}{'label':<34}{'share':>8}{'pool':>8}   anchors per batch (min, median, max)"]
    for item in composition.records():
        pool = "" if item["pool_share"] is None else f"{100 * item['pool_share']:.1f} %"
        spread = f"{item['per_batch_min']}, {item['per_batch_median']:g}, {item['per_batch_max']}"
        share = f"{100 * item['share']:.1f} %"
        lines.append(f"{item['axis']:<12}{item['label']:<34}{share:>8}{pool:>8}   {spread}")
    lines += [fact.line() for fact in facts(composition)]
    lines += [f"warning: {warning}" for warning in composition.warnings]
    return "\n".join(lines)

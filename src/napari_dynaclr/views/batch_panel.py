"""Batch statistics as bars, charts and facts."""

from __future__ import annotations

from html import escape

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QScrollArea, QVBoxLayout, QWidget

from dynaclr.composition import AxisCounts, Composition, Fact, facts
from napari_dynaclr.presentation.colors import PlotColours
from napari_dynaclr.widgets.chart import Chart, Series
from napari_dynaclr.widgets.share_bars import Bar, ShareBars, bars_of

_AXES = {
    "experiment": "A batch centers on one experiment; the cross-experiment fraction comes from the others.",
    "condition": "Conditions should have the shares set in the options.",
    "hours": "Hours after infection or perturbation of the anchors.",
    "well": "Wells of all experiments.",
    "lineage": "The most frequent lineages. Relatives in one batch count as negatives of each other.",
    "relation": "How positives are related to their anchors.",
}
_BESIDE = "Blue: drawn. Tick: share in the pool of all anchors."
_ROLES = ("0", "1", "2", "3", "4", "5", "6")


class CompositionPanel(QScrollArea):
    """Bars along every axis, times to the positives, and facts.

    Parameters
    ----------
    pooled
        Whether many batches are shown: then hours by condition, a cross table, coverage and losses too.
    """

    def __init__(self, colours: PlotColours, pooled: bool = False) -> None:
        super().__init__()
        self._colors, self._pooled = colours, pooled
        self._composition: Composition | None = None
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.flags, self.facts = _label("What to check"), _label("All other facts")
        self.crossing = _label(
            "Anchors drawn by experiment and condition; in parentheses, the pool of all anchors"
        )
        self.key = _label("Blue bars: drawn; ticks: share in the pool")
        self.bars = {name: ShareBars(name, f"{tip}\n{_BESIDE}", colours) for name, tip in _AXES.items()}
        self.tau: list[Chart] = []
        self.hours = Chart("hours by condition", _HOURS_TIP, "hours", "anchors", colours)
        self.coverage = Chart("coverage", _COVERAGE_TIP, "batches", "% of anchors seen", colours)
        content = QWidget()
        self._column = QVBoxLayout(content)
        self._column.setContentsMargins(6, 4, 10, 4)
        self._column.setSpacing(8)
        self._tau_column = QVBoxLayout()
        for item in self._items():
            if isinstance(item, QWidget):
                self._column.addWidget(item)
            else:
                self._column.addLayout(item)
        self._column.addStretch(1)
        self.setWidget(content)

    def _items(self) -> list[QWidget | QVBoxLayout]:
        bars: list[QWidget] = list(self.bars.values())
        if not self._pooled:
            return [self.key, self.flags, *bars, self._tau_column, self.facts]
        first: list[QWidget | QVBoxLayout] = [self.key, self.flags, self.crossing, *bars[:2], self.hours]
        return [*first, *bars[3:], self._tau_column, self.coverage, self.facts]

    def set_composition(self, composition: Composition) -> None:
        """Show batch statistics."""
        self._composition = composition
        for name, bars in self.bars.items():
            bars.set_bars(axis_bars(composition.axes[name], gathered=name == "lineage"))
        self._set_tau(composition)
        if self._pooled:
            self._set_pooled(composition)
        self._show_facts(composition)

    def set_colours(self, colours: PlotColours) -> None:
        """Follow a theme."""
        self._colors = colours
        drawings: list[ShareBars | Chart] = [*self.bars.values(), *self.tau, self.hours, self.coverage]
        for drawing in drawings:
            drawing.set_colours(colours)
        if self._composition is not None:
            self._show_facts(self._composition)

    def _set_tau(self, composition: Composition) -> None:
        """Show one chart an experiment."""
        while len(self.tau) < len(composition.tau):
            chart = Chart("", _TAU_TIP, "hours to the positive", "pairs", self._colors)
            self.tau.append(chart)
            self._tau_column.addWidget(chart)
        for chart in self.tau[len(composition.tau) :]:
            chart.hide()
        for chart, item in zip(self.tau, composition.tau, strict=False):
            step = item.interval_hours or 1.0
            edges = np.r_[item.hours - step / 2, item.hours[-1] + step / 2]
            series = [
                Series("realized", edges, item.realized.astype(float), "0", "filled"),
                Series("requested", edges, item.requested.astype(float), "1", "steps"),
                Series("law", edges, item.law * item.pairs, "muted", "dashed"),
            ]
            frames = f"{item.frames[0]}-{item.frames[-1]} frames"
            chart.set_series(series, f"tau of {item.experiment}, {frames}")
            chart.show()

    def _set_pooled(self, composition: Composition) -> None:
        histogram = composition.hour_histogram
        self.hours.set_series(
            [
                Series(name, histogram.edges, counts.astype(float), _ROLES[place % len(_ROLES)], form)
                for place, (name, counts) in enumerate(
                    zip(histogram.conditions, histogram.drawn, strict=True)
                )
                for form in (("filled",) if place == 0 else ("steps",))
            ]
        )
        seen = composition.coverage
        done = np.arange(len(seen.seen) + 1, dtype=float)
        share = 100 * np.r_[0.0, seen.seen] / max(seen.anchors, 1)
        goal = Series("95 %", np.array([0.0, done[-1]]), np.array([95.0, 95.0]), "muted", "line")
        self.coverage.set_series([Series("distinct anchors", done, share, "0", "line"), goal])
        self.crossing.setText(_crossing(composition, self._colors))

    def _show_facts(self, composition: Composition) -> None:
        known = facts(composition)
        flagged = [fact for fact in known if fact.flagged]
        beyond = ("lost", "coverage", "hours", "confound")
        hidden = ("conditions", *(() if self._pooled else beyond))  # the cross table shows conditions
        shown = [fact for fact in known if fact.section not in hidden]
        here = flagged if self._pooled else [fact for fact in flagged if fact in shown]
        colors = self._colors
        self.key.setText(
            f'<span style="color:{colors.of("0")}">\N{BLACK SQUARE}</span> drawn &nbsp; '
            f'<span style="color:{colors.of("1")}"><b>|</b></span> share in the pool of all anchors'
        )
        self.flags.setText("<br>".join(_flag(fact, colors) for fact in here))
        self.flags.setVisible(bool(here))
        self.facts.setText(_fact_rows(shown, colors))


def axis_bars(axis: AxisCounts, gathered: bool = False) -> list[Bar]:
    """Return the bars of an axis; `gathered` leaves out its last label, which stands for all others."""
    stop = len(axis.labels) - gathered
    pool = axis.pool_share[:stop] if axis.pool.size else None
    return bars_of(axis.labels[:stop], axis.counts.sum(axis=0)[:stop], axis.share[:stop], pool)


def _flag(fact: Fact, colours: PlotColours) -> str:
    mark = f'<span style="color:{colours.of("4")}">\N{BLACK UP-POINTING TRIANGLE}</span>'
    return f"{mark} <b>{escape(fact.name)}: {escape(fact.value)}</b><br>{escape(fact.meaning)}"


def _fact_rows(shown: list[Fact], colours: PlotColours) -> str:
    rows = []
    section = ""
    for fact in shown:
        if fact.section != section:
            section = fact.section
            rows.append(f'<tr><td colspan="2" style="padding-top:6px"><b>{escape(section)}</b></td></tr>')
        beside = f'<br><span style="color:{colours.muted}">{escape(fact.reference)}</span>'
        value = f"{escape(fact.value)}{beside if fact.reference else ''}"
        rows.append(f'<tr><td style="padding-right:10px">{escape(fact.name)}</td><td>{value}</td></tr>')
    return f"<table>{''.join(rows)}</table>"


def _crossing(composition: Composition, colours: PlotColours) -> str:
    crossing = composition.crossing
    alone = {condition for condition, _ in crossing.confounded}
    warn = colours.of("4")
    head = "".join(
        f'<td style="padding:1px 8px"><b>{escape(name)}</b>'
        + (f' <span style="color:{warn}">\N{BLACK UP-POINTING TRIANGLE}</span>' if name in alone else "")
        + "</td>"
        for name in crossing.conditions
    )
    rows = "".join(
        f"<tr><td>{escape(name)}</td>"
        + "".join(
            f'<td style="padding:1px 8px">{drawn} <span style="color:{colours.muted}">({pool})</span></td>'
            for drawn, pool in zip(crossing.drawn[place].tolist(), crossing.pool[place].tolist(), strict=True)
        )
        + "</tr>"
        for place, name in enumerate(crossing.experiments)
    )
    return f"<table><tr><td><b>drawn (pool)</b></td>{head}</tr>{rows}</table>"


def _label(tooltip: str) -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    label.setToolTip(tooltip)
    label.setTextFormat(Qt.TextFormat.RichText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


_TAU_TIP = (
    "Time from anchor to positive. Filled: what the tracks allow. Line: drawn.\n"
    "Dashed: the tau distribution itself. They differ where tracks end or have gaps."
)
_HOURS_TIP = (
    "Hours of the anchors drawn, by condition. Where they do not overlap, the hour gives the condition away."
)
_COVERAGE_TIP = "Fraction of all anchors seen at least once after this many batches."

"""Texts of the curation view."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Sequence

from dynaclr.curation import Action, CurationReport, Group, Mark, MarkKind, Put, Verdict, marks_of
from napari_dynaclr.presentation.mark_list import GLYPHS
from napari_dynaclr.state.audit import AuditState
from napari_dynaclr.state.curation import MergeReport
from napari_dynaclr.state.targets import Item, Target

_DONE = {Verdict.EXCLUDE: "Excluded", Verdict.ACCEPT: "Accepted", Verdict.UNSURE: "Noted as unsure"}


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def title_text(title: str, mark: Mark | None) -> str:
    """Return a title with its place, as HTML."""
    place = "" if mark is None else f" <small>{html.escape(f'{mark.experiment}/{mark.fov_name}')}</small>"
    return f"<b>{html.escape(title)}</b>{place}"


def opinions_text(marks: Iterable[Mark], author: str) -> str:
    """Return one line a person, as HTML; the last counts."""
    lines = []
    for mark in marks:
        who = "You" if mark.author == author else mark.author
        reason = f": {mark.reason}" if mark.reason else ""
        lines.append(html.escape(f"{GLYPHS[mark.verdict]} {who}: {mark.verdict}{reason}"))
    return "<br>".join(lines)


def part_text(target: Target, mark: Mark | None) -> str:
    """Return one line on a part of the selected cell, and the user's mark on it."""
    if not target.drafts:
        return target.effect
    said = "" if mark is None else f"\n{GLYPHS[mark.verdict]} {mark.verdict}"
    reason = f": {mark.reason}" if mark is not None and mark.reason else ""
    effect = target.effect.removeprefix("Excluding ").rstrip(".")
    return f"{target.title}: {effect}{said}{reason}"


def queue_row(item: Item, verdict: Verdict | None) -> tuple[str, str, str, str]:
    """Return verdict, score, place and reason of an entry."""
    mark = item.first
    parts = [f"{mark.experiment}/{mark.fov_name}" if mark.kind is MarkKind.FOV else mark.fov_name]
    parts += [f"track {mark.track_id}"] if mark.track_id is not None and len(item.drafts) == 1 else []
    parts += [f"@ {mark.t}"] if mark.t is not None and mark.kind.value in ("link", "frame") else []
    score = "" if math.isnan(item.score) else f"{item.score:.1f}"
    return ("" if verdict is None else verdict.value, score, " ".join(parts), item.reason)


def judged_text(verdict: Verdict, title: str, settled: int = 0) -> str:
    """Return what was marked, and how many other entries of the queue are settled by it."""
    text = f"{GLYPHS[verdict]} {_DONE[verdict]}: {title[:1].lower()}{title[1:]} (saved)"
    return f"{text}; this also settles {settled} more in the queue" if settled > 0 else text


def action_text(action: Action | None, verb: str) -> str:
    """Return what an undo or redo would do; blank if there is nothing."""
    if action is None:
        return ""
    about = marks_of(action)
    if isinstance(action, Group) and len(about) != 1:
        return f"{verb}: {_counted(len(about), 'mark')}"
    inner = action.actions[0] if isinstance(action, Group) else action
    what = "set" if isinstance(inner, Put) else "remove"
    verdict = f"'{about[0].verdict}' on " if isinstance(inner, Put) else "the mark on "
    return f"{verb}: {what} {verdict}{about[0]}"


def merge_text(name: str, report: MergeReport) -> str:
    """Return what another file brought."""
    text = f"{name}: {_counted(report.read, 'mark')}, {report.new} imported. "
    for other, found in report.agreements.items():
        if not found.n:
            text += f"You and {other} have judged no items in common. "
            continue
        kappa = "" if math.isnan(found.kappa) else f", kappa {found.kappa:.2f}"
        text += f"You and {other}: {found.n} in common, {100 * found.observed:.0f} % agreement{kappa}. "
    if report.conflicts:
        text += (
            f"{report.conflicts} judged differently (tick conflicts to list them); the latest verdict counts."
        )
    return text.strip()


def audit_text(state: AuditState) -> str:
    """Return the error rate in words; blank before an audit."""
    if not state.size and not state.rate.judged:
        return ""
    head = f"Audit {state.number}: "
    if not state.rate.judged:
        return f"{head}nothing judged yet"
    unsure = f"; {state.unsure} unsure" if state.unsure else ""
    return f"{head}{state.rate}{unsure}"


def removed_text(reports: Sequence[CurationReport | None]) -> str:
    """Return what the marks took out of the data when these were set up."""
    found = [report for report in reports if report is not None]
    if not found:
        return "No marks are applied to the data."
    kinds: dict[str, int] = {}
    for report in found:
        for kind, count in report.rows.items():
            kinds[kind] = kinds.get(kind, 0) + count
    by_kind = ", ".join(f"{kind} {count}" for kind, count in kinds.items() if count)
    excluded, links, anchors = (
        sum(getattr(report, name) for report in found)
        for name in ("excluded", "cut_links", "anchors_removed")
    )
    text = f"Applied: {_counted(excluded, 'observation')} excluded{f' ({by_kind})' if by_kind else ''}, "
    text += f"{_counted(links, 'link')} cut, {_counted(anchors, 'anchor')} fewer."
    lost = [line for report in found for line in report.unmatched]
    if lost:
        text += f" {_counted(len(lost), 'mark')} not found: {lost[0]}{' ...' if len(lost) > 1 else ''}"
    return text

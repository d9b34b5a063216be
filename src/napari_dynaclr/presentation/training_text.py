"""Texts of the training dock: states, times, sizes, progress."""

from __future__ import annotations

import html
import re
from datetime import datetime

from dynaclr.runs.control.estimate import Estimate
from dynaclr.runs.record.states import State
from napari_dynaclr.state.watched_runs import WatchedRun

GLYPH_OF = {
    State.STARTING: "◌",
    State.RUNNING: "▶",
    State.STOPPING: "◔",
    State.FINISHED: "✔",
    State.STOPPED: "■",
    State.FAILED: "✘",
    State.CRASHED: "⚡",
    State.LOST: "?",
}
"""A sign for each state, so that color alone says nothing."""
_ADVICE = {
    State.LOST: "No update for a while, and its computer cannot be reached from here.",
    State.FAILED: "Fix the cause, then resume it or start a copy.",
}
_REASONS = {"stop file": "it was asked to stop", "signal SIGTERM": "its process was asked to end"}
"""Words for reasons that are written for machines."""
_LAST_LINES = 5
_STAMPED = re.compile(r"(\d{8}T\d{6}Z)-(.+)")


def run_title(name: str) -> str:
    """Return the name of a run folder with what tells it from others first: its own name, then its time.

    The time is that of the reader's clock; the day is told unless it is today.
    """
    found = _STAMPED.fullmatch(name)
    if found is None:
        return name
    begun = datetime.strptime(found[1], "%Y%m%dT%H%M%S%z").astimezone()
    today = begun.date() == datetime.now().astimezone().date()
    return f"{found[2]} {begun:%H:%M}" if today else f"{found[2]} {begun:%m-%d %H:%M}"


def span_text(seconds: float) -> str:
    """Return a time span for people."""
    whole = int(max(seconds, 0))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 48 * 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def progress_text(run: WatchedRun) -> str:
    """Return how far a run is: epoch, step, time left."""
    if not run.there:
        return "The folder of this run has been deleted."
    step, total = run.status("step"), run.status("total_steps")
    if run.state is None:
        return "Reading ..."
    if run.job is not None and run.going and run.state is not State.RUNNING:
        why = f" ({run.job.reason})" if run.job.reason else ""
        return f"Job {run.job_number} of the cluster: {run.job.state}{why}."
    if run.state is State.STARTING or step is None:
        return "Starting: loading libraries, plates and statistics."
    parts = [f"step {step}" + (f" of {total}" if total else "")]
    epoch, epochs = run.status("epoch"), run.status("total_epochs")
    if isinstance(epoch, int):
        parts.insert(0, f"epoch {epoch + 1}" + (f" of {epochs}" if isinstance(epochs, int) else ""))
    left = run.seconds_left
    if left is not None:
        parts.append(f"about {span_text(left)} left")
    return ", ".join(parts)


def ending_text(run: WatchedRun) -> str:
    """Return how a run ended and what to do, as rich text; empty while it goes on as it should."""
    if not run.there:
        return "<b>Folder deleted.</b> Values that were read before are still shown; it cannot be resumed."
    if run.news is None or run.state in (State.STARTING, State.RUNNING, State.STOPPING, None):
        return ""
    reason = _REASONS.get(run.news.seen.reason, run.news.seen.reason) or "no reason was recorded"
    reason = html.escape(reason).replace("\n", "<br>")
    parts = [f"<b>{GLYPH_OF[run.state]} {str(run.state).capitalize()}:</b> {reason}"]
    if run.state in _ADVICE:
        parts.append(_ADVICE[run.state])
    if run.state is not State.FINISHED:
        parts.append(_left_text(run))
    if run.state in (State.CRASHED, State.LOST) and run.lines:
        last = "<br>".join(html.escape(line) for line in list(run.lines)[-_LAST_LINES:])
        parts.append(f"Its last lines:<br><code>{last}</code>")
    return "<br>".join(parts)


def _left_text(run: WatchedRun) -> str:
    """Return from which checkpoint a run can be resumed."""
    if run.checkpoint is None:
        return "There is no checkpoint to resume from."
    name, at = run.checkpoint
    lost = (run.status("step") or 0) - at
    after = f"; the {lost} steps after it are repeated" if lost > 0 else ""
    return f"Resume continues from {html.escape(name)} of step {at}{after}."


def estimate_text(estimate: Estimate, epochs: int) -> str:
    """Return what a training will cost."""
    lines = [
        f"{span_text(estimate.seconds_per_epoch)} per epoch, "
        f"about {span_text(estimate.setup_seconds + epochs * estimate.seconds_per_epoch)} in total "
        f"on {estimate.device}",
        f"{estimate.batches_per_epoch} steps of {estimate.batch_size} pairs per epoch, "
        f"{estimate.batch_size / max(estimate.seconds_per_step, 1e-9):.0f} pairs per second",
        f"memory {_gib(estimate.peak_process_bytes)}"
        + (
            f", GPU {_gib(estimate.peak_device_bytes)} of {_gib(estimate.device_total_bytes)}"
            if estimate.peak_device_bytes
            else ""
        ),
    ]
    if estimate.waiting_share > 0.2:
        share = round(100 * estimate.waiting_share)
        lines.append(f"{share} % of the time is spent waiting for data: more workers may help")
    return "\n".join(lines)


def _gib(count: int) -> str:
    return f"{count / 2**30:.1f} GiB"

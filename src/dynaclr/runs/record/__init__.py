"""The run folder on disk, written and read here only; loads no torch."""

__all__ = (
    "checkpoints",
    "ended_by",
    "event_reader",
    "events",
    "holders",
    "layout",
    "line_reader",
    "listing",
    "lock",
    "logs",
    "notices",
    "observing",
    "processes",
    "states",
    "status",
    "tail",
    "watch",
)

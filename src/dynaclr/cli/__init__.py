"""The command line: Lightning's for fit, validate and predict, the project's own verbs beside it."""

__all__ = (
    "asking",
    "converting",
    "data",
    "demo",
    "estimating",
    "exporting",
    "mapping",
    "training",
    "trusting",
    "verbs",
    "watching",
)

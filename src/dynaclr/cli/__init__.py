"""The command line: Lightning's for fit, validate and predict, the project's own verbs beside it."""

__all__ = (
    "converting",
    "data",
    "demo",
    "estimating",
    "mapping",
    "training",
    "trusting",
    "verbs",
    "watching",
)

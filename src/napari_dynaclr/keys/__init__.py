"""Actions of the docks and their keyboard shortcuts; imports no Qt."""

__all__ = (
    "batch",
    "choices",
    "curation",
    "embedding",
    "key",
    "layer_keys",
    "pair",
    "steps",
    "tables",
)

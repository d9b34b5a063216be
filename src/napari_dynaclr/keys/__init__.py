"""What can be done in the docks and by which keyboard shortcuts; imports no Qt."""

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

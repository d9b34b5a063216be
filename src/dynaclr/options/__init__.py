"""One description of every option: from it come command line, YAML checks, forms and presets."""

__all__ = (
    "catalogue",
    "fold",
    "parameter",
    "presets",
    "reader",
    "settings",
    "spec",
)

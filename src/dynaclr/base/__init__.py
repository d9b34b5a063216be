"""What everything stands on: errors, names, keyed randomness, files, paths, YAML; imports nothing of ours."""

__all__ = (
    "bounds",
    "cores",
    "errors",
    "files",
    "fingerprint",
    "keys",
    "locking",
    "numbering",
    "option",
    "paths",
    "permutation",
    "random",
    "yaml_editor",
    "yaml_reader",
)

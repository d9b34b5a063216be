"""The plugin as napari sees it: manifest functions, docks, the hub of a viewer, closing."""

__all__ = (
    "commands",
    "contents",
    "docks",
    "hub",
    "leaving",
    "manifest",
    "plugin",
)

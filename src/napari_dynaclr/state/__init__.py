"""Evented state of the plugin, and what it remembers between starts; no Qt, no napari."""

__all__ = (
    "atlas",
    "audit",
    "author",
    "cells",
    "curation",
    "embedding",
    "embedding_colors",
    "exclusions",
    "memory",
    "patches_of",
    "project",
    "reasons",
    "review",
    "run_curves",
    "run_origin",
    "sample_data",
    "session",
    "targets",
    "watched_runs",
)

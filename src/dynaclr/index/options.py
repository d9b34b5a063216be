"""Options of the index that say what to do with imperfect data; computes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from dynaclr.base.errors import ConfigError, listing, problem, suggest
from dynaclr.tracks import Relation, TrackPolicy

__all__ = ("IndexOptions",)


@dataclass(frozen=True, slots=True)
class IndexOptions:
    """What counts as a positive, and what happens to imperfect data.

    Attributes
    ----------
    relation
        "descendant" (same track or a track that descends from it), "track", "lineage" or "self".
    missing_chunks
        "exclude" leaves out observations whose pixels are not stored and counts them, "error" stops,
        "zeros" reads zeros.
    tracks
        What to do with imperfect track files.
    cache_dir
        Folder for a cache of the index; None for none.
    curation
        File of marks: what people excluded is neither anchor nor positive, and what they cut is no
        longer one lineage; None for none.
    """

    relation: Relation | str = Relation.DESCENDANT
    missing_chunks: Literal["exclude", "error", "zeros"] = "exclude"
    tracks: TrackPolicy = field(default_factory=TrackPolicy)
    cache_dir: Path | None = None
    curation: Path | None = None

    def __post_init__(self) -> None:
        choices = tuple(item.value for item in Relation)
        if self.relation not in choices:
            raise ConfigError(
                problem(
                    "unknown relation", field="relation", expected=listing(choices), found=repr(self.relation)
                )
                + suggest(str(self.relation), choices)
            )
        object.__setattr__(self, "relation", Relation(self.relation))
        policies = ("exclude", "error", "zeros")
        if self.missing_chunks not in policies:
            raise ConfigError(
                problem(
                    "unknown choice",
                    field="missing_chunks",
                    expected=listing(policies),
                    found=repr(self.missing_chunks),
                )
                + suggest(str(self.missing_chunks), policies)
            )

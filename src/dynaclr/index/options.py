"""Options of the index that say what to do with imperfect data; computes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from dynaclr.base.option import check, option
from dynaclr.tracks import Relation, TrackPolicy


@dataclass(frozen=True, slots=True)
class IndexOptions:
    """What counts as a positive, and what happens to imperfect data.

    `curation` is a file of marks: what people excluded is neither anchor nor positive, and what they cut is
    no longer one lineage.
    """

    relation: Relation | str = option(
        "Positives; track: never across a division; lineage: sisters too; self: SimCLR",
        Relation.DESCENDANT,
        basic=True,
    )
    missing_chunks: Literal["exclude", "error", "zeros"] = option(
        "Observations without pixels: chunks not stored, or a frame of a single value", "exclude"
    )
    not_finite: Literal["exclude", "fill"] = option(
        "Observations with NaN or Inf in their patch; fill: with the median of the FOV", "exclude"
    )
    unreadable_fovs: Literal["skip", "error"] = option(
        "FOVs that cannot be read: leave them out and say so, or stop", "skip"
    )
    tracks: TrackPolicy = field(default_factory=TrackPolicy)
    cache_dir: Path | None = option("Folder for a cache of the index; null: none", None, name="index_cache")
    curation: Path | None = option(
        "File of marks; auto: curation.csv beside experiments.yaml; null: none",
        None,
        yaml_default="auto",
        basic=True,
    )

    def __post_init__(self) -> None:
        check(self)
        object.__setattr__(self, "relation", Relation(self.relation))

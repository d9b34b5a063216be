"""The table of an embedding in a file, its maps in two dimensions, and nearest neighbors.

Knows no network.
"""

from __future__ import annotations

from dynaclr.embedding.maps import map_file, read_map, write_map
from dynaclr.embedding.neighbors import Nearest, NeighborSearch
from dynaclr.embedding.projection import (
    UMAP_MISSING,
    Method,
    has_umap,
    kmeans,
    principal_components,
    projected,
)
from dynaclr.embedding.rows import rows_in
from dynaclr.embedding.table import EMBEDDING_FILE, EmbeddingTable, EmbeddingWriter, Space, read_embeddings

__all__ = (
    "EMBEDDING_FILE",
    "UMAP_MISSING",
    "EmbeddingTable",
    "EmbeddingWriter",
    "Method",
    "Nearest",
    "NeighborSearch",
    "Space",
    "has_umap",
    "kmeans",
    "map_file",
    "principal_components",
    "projected",
    "read_embeddings",
    "read_map",
    "rows_in",
    "write_map",
)

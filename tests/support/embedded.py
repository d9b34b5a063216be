"""An embedding of the sample project with vectors that a test can foresee."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dynaclr.embedding.table import EmbeddingWriter
from napari_dynaclr.state.project import Project


def write_embedding(project: Project, path: Path, every: int = 1) -> np.ndarray:
    """Embed every n-th observation; return the features (N, 6)."""
    dataset = project.pipeline.predict_dataset()
    rows = np.random.Generator(np.random.Philox(key=3)).permutation(dataset.rows)[::every]
    features = np.random.Generator(np.random.Philox(key=0)).normal(size=(len(rows), 6)).astype(np.float32)
    features *= np.array([4, 3, 2, 1, 1, 1], dtype=np.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    with EmbeddingWriter(path) as writer:
        writer.write(features, features[:, :2], dataset.identities(rows))
    return features

"""Digests of batches as they leave the loader, so that two runs can be compared; knows no Lightning."""

from __future__ import annotations

import hashlib
from typing import Any

from dynaclr import keys

__all__ = ("batch_digest",)


def batch_digest(batch: dict[str, Any]) -> dict[str, Any]:
    """Return key, rows, tau and a digest of the pixels of a batch, as plain types.

    Parameters
    ----------
    batch
        As the dataset returns it; images (B, C, Z, Y, X).
    """
    digest = hashlib.sha256()
    for part in (keys.ANCHOR, keys.POSITIVE, keys.NEGATIVE):
        if part in batch:
            digest.update(str(tuple(batch[part].shape)).encode())
            digest.update(batch[part].contiguous().numpy().tobytes())
    return {
        "key": list(batch[keys.BATCH_KEY]),
        "anchor_rows": batch[keys.ANCHOR_META]["row"].tolist(),
        "positive_rows": batch[keys.POSITIVE_META]["row"].tolist(),
        "tau_frames": batch[keys.POSITIVE_META]["tau_frames"].tolist(),
        "sha256": digest.hexdigest(),
    }

"""Digests of arrays and plain values, to tell whether two things are the same."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from dynaclr.base import keys


def fingerprint(*parts: Any) -> str:
    """Return 16 hexadecimal digits that depend on every value, type, shape and order of the parts.

    Parameters
    ----------
    parts
        Arrays of numbers, and values whose `repr` says all of them: None, str, bool, int, float, and
        tuples and lists of these. A mapping counts as its items in their order.
    """
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"array {part.dtype.str} {part.shape};".encode())
            digest.update(np.ascontiguousarray(part).data)
        else:
            digest.update(f"{_plain(part)!r};".encode())
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    """Return a value with a `repr` that is the same in every process.

    Raises
    ------
    TypeError
        For a value of any other kind, whose `repr` may hold its address or leave a part out.
    """
    if value is None or isinstance(value, bool):
        return value
    for kind in (str, int, float):  # subclasses write themselves otherwise
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {"items": [(_plain(key), _plain(item)) for key, item in value.items()]}
    raise TypeError(f"no fingerprint of a {type(value).__name__}")


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

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import torch

from dynaclr.digests import batch_digest
from dynaclr.draws import BatchKey


def a_batch(**changes: Any) -> dict[str, Any]:
    images = torch.arange(2 * 1 * 2 * 3 * 3, dtype=torch.float32).reshape(2, 1, 2, 3, 3)
    return {
        "key": BatchKey(7, 2, 5),
        "anchor": images,
        "positive": images + 0.5,
        "anchor_meta": {"row": np.array([4, 9])},
        "positive_meta": {"row": np.array([5, 11]), "tau_frames": np.array([1, 2])},
    } | changes


def test_what_it_says() -> None:
    batch = a_batch()
    expected = hashlib.sha256()
    for name in ("anchor", "positive"):
        expected.update(b"(2, 1, 2, 3, 3)")
        expected.update(np.asarray(batch[name]).tobytes())
    digest = batch_digest(batch)
    assert digest == {
        "key": [7, 2, 5],
        "anchor_rows": [4, 9],
        "positive_rows": [5, 11],
        "tau_frames": [1, 2],
        "sha256": expected.hexdigest(),
    }
    assert json.loads(json.dumps(digest)) == digest


def test_one_pixel_shows() -> None:
    changed = a_batch()["positive"].clone()
    changed[1, 0, 1, 2, 2] += 1e-5
    digests = {
        batch_digest(batch)["sha256"]
        for batch in (
            a_batch(),
            a_batch(positive=changed),
            a_batch(negative=changed),
            a_batch(anchor=a_batch()["positive"], positive=a_batch()["anchor"]),
            a_batch(anchor=a_batch()["anchor"].reshape(2, 2, 1, 3, 3)),
        )
    }
    assert len(digests) == 5


def test_layout_in_memory_does_not_show() -> None:
    turned = a_batch()["anchor"].transpose(3, 4).contiguous().transpose(3, 4)
    assert not turned.is_contiguous()
    assert batch_digest(a_batch(anchor=turned)) == batch_digest(a_batch())

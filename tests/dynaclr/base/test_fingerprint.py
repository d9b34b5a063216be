"""None"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dynaclr.base.fingerprint import batch_digest, fingerprint
from dynaclr.base.random import BatchKey
from dynaclr.tracks.table import Relation

NUMBERS = np.arange(12, dtype=np.int32)


@pytest.mark.parametrize(
    "other",
    [
        (NUMBERS.astype(np.int64), "a"),
        (NUMBERS.reshape(3, 4), "a"),
        (NUMBERS.view(np.float32), "a"),
        (NUMBERS[::-1], "a"),
        (NUMBERS[:-1], "a"),
        (NUMBERS, "b"),
        (NUMBERS, b"a".decode(), None),
        ("a", NUMBERS),
        (NUMBERS, ["a"]),
        (NUMBERS,),
    ],
)
def test_everything_counts(other: tuple[Any, ...]) -> None:
    assert fingerprint(*other) != fingerprint(NUMBERS, "a")


def test_equal_things_have_one_fingerprint() -> None:
    spread = np.repeat(NUMBERS, 2)[::2]
    assert fingerprint(spread, (1, 2.0)) == fingerprint(NUMBERS, [1, 2.0])
    assert fingerprint(np.float64(0.1), Relation.TRACK) == fingerprint(0.1, "track")
    assert fingerprint({"a": 1, "b": 2}) != fingerprint({"b": 2, "a": 1})
    assert len({fingerprint(value) for value in (1, 1.0, True, "1", None, (), [1], {"a": 1})}) == 8


def test_another_process_finds_the_same() -> None:
    code = "import numpy as np; from dynaclr.base.fingerprint import fingerprint; "
    code += "print(fingerprint(np.arange(12, dtype=np.int32), {'a': (1, 2.5, None)}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == fingerprint(NUMBERS, {"a": (1, 2.5, None)})


def test_what_has_no_lasting_text_is_refused() -> None:
    with pytest.raises(TypeError, match="no fingerprint of a PosixPath|no fingerprint of a WindowsPath"):
        fingerprint(Path())
    with pytest.raises(TypeError, match="no fingerprint of a set"):
        fingerprint([{1, 2}])


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

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dynaclr.fingerprint import fingerprint
from dynaclr.tables import Relation

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
    code = "import numpy as np; from dynaclr.fingerprint import fingerprint; "
    code += "print(fingerprint(np.arange(12, dtype=np.int32), {'a': (1, 2.5, None)}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == fingerprint(NUMBERS, {"a": (1, 2.5, None)})


def test_what_has_no_lasting_text_is_refused() -> None:
    with pytest.raises(TypeError, match="no fingerprint of a PosixPath|no fingerprint of a WindowsPath"):
        fingerprint(Path())
    with pytest.raises(TypeError, match="no fingerprint of a set"):
        fingerprint([{1, 2}])

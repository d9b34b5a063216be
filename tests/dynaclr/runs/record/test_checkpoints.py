from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dynaclr.base.errors import RunError
from dynaclr.runs.record import checkpoints
from dynaclr.runs.record.checkpoints import AtomicCheckpointIO, load_checkpoint, newest_valid_checkpoint

CONTENT = {"state_dict": {"weight": torch.arange(500.0)}, "epoch": 3}


def as_bytes(content: Any, zipped: bool = True) -> bytes:
    stream = io.BytesIO()
    torch.save(content, stream, _use_new_zipfile_serialization=zipped)
    return stream.getvalue()


class Code:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (os.mkdir, (str(self.folder),))


@contextlib.contextmanager
def files_at_most(size: int) -> Iterator[None]:
    """Let the system refuse writes beyond `size` bytes, as a full disk does."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint(CONTENT, path)
    loaded = AtomicCheckpointIO().load_checkpoint(path)
    assert loaded["epoch"] == 3
    assert torch.equal(loaded["state_dict"]["weight"], CONTENT["state_dict"]["weight"])  # type: ignore[index]
    assert [item.name for item in path.parent.iterdir()] == ["last.ckpt"]


def test_a_full_disk_leaves_the_previous_file(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint(CONTENT, path)
    before = path.read_bytes()
    large = {"state_dict": {"weight": torch.rand(200_000)}}
    with files_at_most(100_000), pytest.raises(RunError) as caught:
        AtomicCheckpointIO().save_checkpoint(large, path)
    text = str(caught.value)
    assert str(path) in text
    assert "more than" in text
    assert "bytes free" in text
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["last.ckpt"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), PermissionError("no"), RuntimeError("bad dtype")])
def test_an_interrupted_write_leaves_the_previous_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint(CONTENT, path)
    before = path.read_bytes()

    def half(content: Any, stream: Any) -> None:
        stream.write(b"half")
        raise error

    monkeypatch.setattr(checkpoints.torch, "save", half)
    with pytest.raises(type(error)) as caught:
        AtomicCheckpointIO().save_checkpoint(CONTENT, path)
    assert caught.value is error
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["last.ckpt"]


@pytest.mark.parametrize("zipped", [True, False])
def test_code_is_refused_whatever_is_asked(tmp_path: Path, zipped: bool) -> None:
    path, made = tmp_path / "evil.ckpt", tmp_path / "made"
    path.write_bytes(as_bytes({"state_dict": Code(made)}, zipped))
    with pytest.raises(RunError, match=r"it could run code.*mkdir"):
        AtomicCheckpointIO().load_checkpoint(path, weights_only=False)
    assert not made.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"x", "not a complete checkpoint"),
        (b"\x80\x02", "not a complete checkpoint"),
        (b'{"a": 1}', "not a complete checkpoint"),
        (b"hello world\n" * 10, "not a complete checkpoint"),
        (as_bytes(CONTENT)[:-30], "not a complete checkpoint"),
        (as_bytes(CONTENT["state_dict"]), "not a checkpoint of a training"),
        (as_bytes(torch.zeros(3)), "not a checkpoint of a training"),
    ],
)
def test_what_a_damaged_file_is(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "last.ckpt"
    path.write_bytes(content)
    with pytest.raises(RunError, match=words) as caught:
        load_checkpoint(path)
    assert str(path) in str(caught.value)
    assert "weights_only" not in str(caught.value)  # torch's own advice is to run the code


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="missing"):
        load_checkpoint(tmp_path / "none.ckpt")


@settings(deadline=None, max_examples=50)
@given(cut=st.floats(0, 1, exclude_max=True), zipped=st.booleans())
def test_a_file_that_is_cut_short_never_loads(
    tmp_path_factory: pytest.TempPathFactory, cut: float, zipped: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "cut.ckpt"
    whole = as_bytes(CONTENT, zipped)
    path.write_bytes(whole[: int(cut * len(whole))])
    with pytest.raises(RunError):
        load_checkpoint(path)


@settings(deadline=None, max_examples=50)
@given(content=st.binary(max_size=60))
def test_any_bytes_are_refused_alike(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.ckpt"
    path.write_bytes(content)
    with pytest.raises(RunError):
        load_checkpoint(path)


def test_the_newest_that_loads(tmp_path: Path) -> None:
    for place, name in enumerate(("kept.ckpt", "best.ckpt", "last.ckpt", "code.ckpt")):
        (tmp_path / name).write_bytes(as_bytes(CONTENT))
        os.utime(tmp_path / name, (1000 + place, 1000 + place))
    (tmp_path / "last.ckpt").write_bytes(as_bytes(CONTENT)[:400])
    os.utime(tmp_path / "last.ckpt", (1002, 1002))
    (tmp_path / "code.ckpt").write_bytes(as_bytes({"state_dict": Code(tmp_path / "made")}))
    (tmp_path / ".last.ckpt.x.tmp").write_bytes(b"half")
    newest, refused = newest_valid_checkpoint(tmp_path)
    assert newest == tmp_path / "best.ckpt"
    assert len(refused) == 2
    assert "code.ckpt" in refused[0]
    assert "last.ckpt" in refused[1]


def test_no_checkpoint(tmp_path: Path) -> None:
    assert newest_valid_checkpoint(tmp_path) == (None, [])
    (tmp_path / "last.ckpt").touch()
    newest, refused = newest_valid_checkpoint(tmp_path)
    assert newest is None
    assert len(refused) == 1

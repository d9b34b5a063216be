"""Writes checkpoints whole or not at all, and reads none that is damaged or holds code."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO

from dynaclr.base.errors import RunError, problem
from dynaclr.base.files import replace_file
from dynaclr.runs.record.layout import folder_gone


class AtomicCheckpointIO(TorchCheckpointIO):
    """Checkpoint files that are replaced only by complete ones, and loaded without running code."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write beside the target, flush to the disk, move into place; the previous file stays until then.

        Raises
        ------
        RunError
            If the disk is full: free and needed bytes are named, nothing is left behind; or if the run
            folder is gone, which is not made anew.
        """
        target = Path(path)
        try:
            target.parent.mkdir(exist_ok=True)
        except FileNotFoundError as error:
            raise folder_gone(target.parent.parent) from error
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
        temporary = Path(name)
        written = 0
        try:
            with os.fdopen(descriptor, "wb") as stream:
                torch.save(checkpoint, stream)
                stream.flush()
                written = stream.tell()
                os.fsync(stream.fileno())
            replace_file(temporary, target)
        except (OSError, RuntimeError) as error:
            written = max(written, temporary.stat().st_size if temporary.exists() else 0)
            temporary.unlink(missing_ok=True)
            if _is_full(error):
                free = shutil.disk_usage(target.parent).free
                raise RunError(
                    problem(
                        "checkpoint cannot be written: the disk is full",
                        file=target,
                        expected=f"more than {written} bytes",
                        found=f"{free} bytes free",
                        fix="Free disk space and resume; the previous checkpoint is intact.",
                    )
                ) from error
            raise
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def load_checkpoint(
        self, path: Any, map_location: Callable[..., Any] | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Load a checkpoint without running code, whatever `weights_only` says."""
        return load_checkpoint(Path(path), map_location or "cpu")


def _is_full(error: Exception) -> bool:
    """Whether a write failed for want of space; torch hides the number of the error in its text."""
    full = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    chain: BaseException | None = error
    while chain is not None:
        if isinstance(chain, OSError) and chain.errno in full:
            return True
        text = str(chain)
        if "No space left" in text or "PytorchStreamWriter failed" in text or "unexpected pos" in text:
            return True
        chain = chain.__cause__ or chain.__context__
    return False


def load_checkpoint(path: Path, map_location: Any = "cpu") -> dict[str, Any]:
    """Return a checkpoint.

    Raises
    ------
    RunError
        If it is missing, empty, cut short, no checkpoint, or holds objects that would run code.
    """
    size = path.stat().st_size if path.is_file() else None
    if not size:
        raise RunError(problem("checkpoint is missing" if size is None else "checkpoint is empty", file=path))
    try:
        content = torch.load(path, map_location=map_location, weights_only=True)
    except Exception as error:  # damaged bytes make torch fail in any way
        what, reason = _refusal(error)
        raise RunError(problem(what, file=path, found=f"{size} bytes, {reason}")) from error
    if not isinstance(content, dict) or "state_dict" not in content:
        raise RunError(problem("not a checkpoint of a training", file=path, found=type(content).__name__))
    return content


def _refusal(error: Exception) -> tuple[str, str]:
    """Return what is wrong with a file that torch refused, and the line of its message that says why."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    named = [line for line in lines if "Unsupported" in line or "unsupported" in line]
    reason = (named or lines)[0][:200]
    if isinstance(error, pickle.UnpicklingError) and "GLOBAL" in reason:
        return (
            "checkpoint contains more than tensors and plain values and was not loaded: it could run code",
            reason,
        )
    return "not a complete checkpoint", reason


def newest_valid_checkpoint(folder: Path) -> tuple[Path | None, list[str]]:
    """Return the newest checkpoint that loads (None if none does), and why newer ones were passed over."""
    refused = []
    for path in sorted(folder.glob("*.ckpt"), key=lambda item: item.stat().st_mtime_ns, reverse=True):
        try:
            load_checkpoint(path)
        except RunError as error:
            refused.append(str(error))
        else:
            return path, refused
    return None, refused

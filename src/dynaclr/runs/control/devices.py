"""What this computer can train on; asks the driver's own tool and never touches a GPU itself."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from dynaclr.base.cores import cpu_limit

_QUERY = (
    "nvidia-smi",
    "--query-gpu=index,uuid,name,memory.total,memory.free",
    "--format=csv,noheader,nounits",
)
_TIMEOUT_SECONDS = 10.0
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Device:
    """One GPU, or all cores together.

    Attributes
    ----------
    name
        For people.
    number
        Value for CUDA_VISIBLE_DEVICES; None for cores.
    total_bytes, free_bytes
        Memory of a GPU; None if it is not told, and for cores.
    visible
        Whether CUDA_VISIBLE_DEVICES of this process leaves it to trainings that are started from here.
    """

    name: str
    number: str | None = None
    total_bytes: int | None = None
    free_bytes: int | None = None
    visible: bool = True


def find_devices(environment: Mapping[str, str] | None = None) -> list[Device]:
    """Return the GPUs that the driver knows, in its order, and the cores after them.

    Parameters
    ----------
    environment
        Where to look for CUDA_VISIBLE_DEVICES and PATH; that of this process by default.
    """
    environment = os.environ if environment is None else environment
    cores = Device(f"{cpu_limit()} CPU cores")
    try:
        done = subprocess.run(
            _QUERY,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=_TIMEOUT_SECONDS,
            env=dict(environment),
            check=True,
        )
    except (OSError, subprocess.SubprocessError):  # no driver, or one that hangs
        return [cores]
    named = environment.get("CUDA_VISIBLE_DEVICES")
    chosen = None if named is None else [item.strip() for item in named.split(",") if item.strip()]
    return [*(gpu for line in done.stdout.splitlines() if (gpu := _gpu(line, chosen))), cores]


def _gpu(line: str, chosen: list[str] | None) -> Device | None:
    parts = [part.strip() for part in line.split(",")]
    if len(parts) < 5:
        return None
    number, uuid, *names, total, free = parts
    visible = chosen is None or number in chosen or any(uuid.startswith(item) for item in chosen)
    return Device(", ".join(names), number, _bytes(total), _bytes(free), visible)


def _bytes(text: str) -> int | None:
    return int(text) * _MIB if text.isdigit() else None

"""Random numbers inside a network (dropout, stochastic depth), from the address of a batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from dynaclr.base.random import BatchKey, Purpose, generator


@contextmanager
def draws_of(key: BatchKey | None, device: torch.device) -> Iterator[None]:
    """Let torch's own generators draw from the address of a batch; afterwards they are as before.

    Parameters
    ----------
    key
        The address; None leaves the generators alone.
    device
        Where the network is.
    """
    if key is None:
        yield
        return
    seed = int(generator(key, Purpose.NETWORK).integers(2**63))
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)  # of all devices
        yield

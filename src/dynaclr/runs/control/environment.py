"""Environment of a process that trains for itself; starts none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_DROPPED = ("QT_", "SLURM_", "PL_", "TORCHELASTIC_", "MASTER_", "NAPARI_", "PMI_", "PMIX_")
_DROPPED_NAMES = frozenset(
    {
        "DISPLAY",
        "DYNACLR_RUN_FOLDER",
        "GROUP_RANK",
        "LOCAL_RANK",
        "LOCAL_WORLD_SIZE",
        "MPLBACKEND",
        "NODE_RANK",
        "RANK",
        "WAYLAND_DISPLAY",
        "WORLD_SIZE",
    }
)
_KEPT = frozenset({"SLURM_CPUS_PER_TASK"})  # bounds the threads that read


def child_environment(environment: Mapping[str, str], devices: Sequence[str] | None) -> dict[str, str]:
    """Return an environment for a training of its own: no rank, scheduler, window or viewer of this process.

    Parameters
    ----------
    environment
        That of this process.
    devices
        As `Launch` says.
    """
    kept = {
        name: value
        for name, value in environment.items()
        if name in _KEPT or not (name in _DROPPED_NAMES or name.startswith(_DROPPED))
    }
    kept |= {"PYTHONUNBUFFERED": "1", "PYTHONSAFEPATH": "1"}  # no module beside the data shadows a package
    if devices is not None:
        kept["CUDA_VISIBLE_DEVICES"] = ",".join(devices)
    return kept

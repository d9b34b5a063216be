"""What a training of its own is told of the process that starts it."""

from __future__ import annotations

from dynaclr.runs.control.environment import child_environment


def test_the_environment_of_a_child() -> None:
    mine = {
        "PATH": "/bin",
        "CUDA_VISIBLE_DEVICES": "1",
        "PYTHONPATH": "src",
        "SLURM_JOB_ID": "7",
        "SLURM_NTASKS": "2",
        "SLURM_CPUS_PER_TASK": "4",
        "LOCAL_RANK": "0",
        "RANK": "0",
        "WORLD_SIZE": "2",
        "MASTER_PORT": "1",
        "PL_GLOBAL_SEED": "3",
        "TORCHELASTIC_RUN_ID": "x",
        "QT_API": "pyqt6",
        "DISPLAY": ":1",
        "MPLBACKEND": "QtAgg",
        "DYNACLR_RUN_FOLDER": "elsewhere",
    }
    kept = {"PATH": "/bin", "CUDA_VISIBLE_DEVICES": "1", "PYTHONPATH": "src", "SLURM_CPUS_PER_TASK": "4"}
    added = {"PYTHONUNBUFFERED": "1", "PYTHONSAFEPATH": "1"}
    assert child_environment(mine, None) == {**kept, **added}
    assert child_environment(mine, ["0", "GPU-ab"])["CUDA_VISIBLE_DEVICES"] == "0,GPU-ab"
    assert child_environment(mine, [])["CUDA_VISIBLE_DEVICES"] == ""

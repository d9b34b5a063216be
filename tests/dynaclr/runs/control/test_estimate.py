from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import torch
from tests.support.loaded import Loaded

from dynaclr.base.errors import ConfigError, RunError
from dynaclr.options.spec import RunSpec
from dynaclr.runs.control.devices import find_devices
from dynaclr.runs.control.estimate import estimate
from dynaclr.runs.control.launch import Launch

posix = pytest.mark.skipif(os.name == "nt", reason="the programs are scripts")


def program(path: Path, text: str) -> Launch:
    path.write_text(f"#!{sys.executable}\nimport sys, time\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return Launch(python=str(path))


@posix
def test_an_error_of_the_set_up_is_handed_on(quick: RunSpec, tmp_path: Path) -> None:
    words = "dynaclr estimate: field z: too deep\\n  really"
    how = program(tmp_path / "p", f"print('noise'); sys.exit('{words}')")
    with pytest.raises(RunError, match=r"^field z: too deep\n  really$"):
        estimate(quick, how)
    with pytest.raises(RunError, match=r"(?s)exit code 1; found .*ValueError: boom"):
        estimate(quick, program(tmp_path / "p", "raise ValueError('boom')"))
    with pytest.raises(RunError, match="exit code 7"):
        estimate(quick, program(tmp_path / "p", "sys.exit(7)"))
    with pytest.raises(RunError, match="without a result"):
        estimate(quick, program(tmp_path / "p", "print('{\"seconds_per_step\": 1}')"))
    with pytest.raises(RunError, match="cannot be started"):
        estimate(quick, Launch(python=str(tmp_path / "none")))
    with pytest.raises(ConfigError, match=r"data\.batch_size"):
        estimate(quick.changed({"data.batch_size": 0}))


@posix
def test_what_is_no_longer_wanted_or_takes_too_long_is_ended(quick: RunSpec, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    code = f"import os; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    how = program(tmp_path / "p", code)
    assert estimate(quick, how, wanted=lambda: not pid.exists()) is None
    with pytest.raises(RunError, match="timed out"):
        estimate(quick, how, timeout_seconds=0.0)
    assert not psutil.pid_exists(int(pid.read_text()))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_training_is_measured(
    quick: RunSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loaded: Loaded
) -> None:
    changes: dict[str, Any] = {
        "data.batch_size": 4,
        "trainer.accelerator": "cpu",
        "model.encoder.init_args.widths": [4, 8],
        "data.yx_patch_size": [24, 24],
        "data.final_yx_patch_size": [16, 16],
        "trainer.limit_train_batches": 3,  # fewer than are measured
    }
    how = Launch(python=str(loaded.program(tmp_path / "python")))
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    found = estimate(quick.changed(changes), how)
    assert found is not None
    assert (found.batch_size, found.batches_per_epoch, found.steps_measured) == (4, 3, 8)
    assert 0 < found.seconds_per_step < 60
    assert 0 <= found.waiting_share <= 1
    assert found.validation_seconds > 0
    assert found.seconds_per_epoch > 3 * found.seconds_per_step
    assert 10**8 < found.peak_process_bytes < found.device_total_bytes
    assert (found.device, found.peak_device_bytes) == ("cpu", 0)
    assert list((tmp_path / "empty").iterdir()) == []  # no run folder, no log


@pytest.mark.slow
def test_memory_that_does_not_suffice_says_what_to_lower() -> None:
    from dynaclr.runs.process.measuring import is_memory, memory_message

    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60)
    assert is_memory(caught.value)
    assert not is_memory(RuntimeError("shapes differ"))
    data = SimpleNamespace(yx_patch_size=(64, 96), z_range=(1, 6), stack_depth=5)
    config = SimpleNamespace(sampling=SimpleNamespace(batch_size=256), data=data)
    text = memory_message(config, torch.device("cpu"), caught.value)
    for part in (
        "data.batch_size",
        "256 pairs of 5 slices of [64, 96] px",
        "Lower data.batch_size to 128",
        "GiB",
    ):
        assert part in text


def smi(folder: Path, body: str) -> dict[str, str]:
    file = folder / "nvidia-smi"
    file.write_text(f"#!/bin/bash\n{body}\n")
    file.chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


@posix
def test_gpus_are_those_that_the_driver_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "0, GPU-aa11, NVIDIA H200, 143771, 143000\\n1, GPU-bb22, Quadro, 8192, [N/A]\\nbroken"
    environment = smi(tmp_path, f"printf '{lines}\\n'")
    monkeypatch.setenv("PATH", environment["PATH"])
    first, second, cores = find_devices(environment)
    assert (first.name, first.number) == ("NVIDIA H200", "0")
    assert (first.total_bytes, first.free_bytes) == (143771 * 2**20, 143000 * 2**20)
    assert (second.number, second.total_bytes, second.free_bytes) == ("1", 8 * 2**30, None)
    assert (cores.number, cores.total_bytes) == (None, None)
    assert cores.name.endswith("CPU cores")
    for chosen, visible in (("1", [False, True]), ("GPU-aa", [True, False]), ("", [False, False])):
        found = find_devices({**environment, "CUDA_VISIBLE_DEVICES": chosen})
        assert [device.visible for device in found[:2]] == visible


@posix
def test_without_a_driver_there_are_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = smi(tmp_path, "echo 'NVIDIA-SMI has failed' >&2; exit 9")
    monkeypatch.setenv("PATH", environment["PATH"])
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "3")
    assert [device.name for device in find_devices()] == ["3 CPU cores"]

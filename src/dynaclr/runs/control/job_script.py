"""The batch script of a training on a SLURM cluster; submits nothing.

The script trains by `srun`, asks to be told before its time is over, puts itself into the queue again and
goes on from the newest checkpoint that loads. It gives up after turns in a row without a step. Tested by
running it with scripts that stand in for srun and scontrol; not on a cluster.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from dynaclr.base.errors import ConfigError, problem
from dynaclr.runs.record.layout import RunFolder

_NAME = re.compile(r"[^\s'\"\\-][^\s'\"\\]*")
_TIME = re.compile(r"\d+(:\d{2}){0,2}|\d+-\d{1,2}(:\d{2}){0,2}")


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What a job asks the cluster for.

    Attributes
    ----------
    time
        Longest time of one turn, as SLURM writes it, for example "1-00:00:00".
    nodes, gpus_per_node
        Computers, and GPUs of each; one process a GPU, one process a computer if there are none.
    cpus_per_task, memory_gb
        Cores of each process, and memory of each computer; None leaves the memory to the cluster.
    partition, account
        Names that the cluster knows; None for its default.
    options
        Further lines after "#SBATCH ".
    before
        Commands of the shell before training, for example "module load cuda".
    warning_seconds
        How long before the end of its time a turn is told to stop.
    requeue
        Whether the job goes on in another turn when its time is over, or its computer fails.
    most_idle_turns
        Turns in a row without a step after which the job gives up.
    python
        Interpreter on the cluster.
    """

    time: str = "1-00:00:00"
    nodes: int = 1
    gpus_per_node: int = 1
    cpus_per_task: int = 8
    memory_gb: int | None = None
    partition: str | None = None
    account: str | None = None
    options: Sequence[str] = ()
    before: Sequence[str] = ()
    warning_seconds: int = 300
    requeue: bool = True
    most_idle_turns: int = 3
    python: str = sys.executable

    def __post_init__(self) -> None:
        least = {
            "nodes": 1,
            "gpus_per_node": 0,
            "cpus_per_task": 1,
            "warning_seconds": 30,
            "most_idle_turns": 1,
            "memory_gb": 1,
        }
        for field, bound in least.items():
            found = getattr(self, field)
            if found is not None and found < bound:
                raise ConfigError(
                    problem("value out of range", field=field, expected=f">= {bound}", found=found)
                )
        if not _TIME.fullmatch(self.time):
            raise ConfigError(
                problem("not a time", field="time", expected="days-hours:minutes:seconds", found=self.time)
            )
        for field, text in (("partition", self.partition), ("account", self.account)):
            if text is not None and not _NAME.fullmatch(text):
                raise ConfigError(problem("not a name of the cluster", field=field, found=repr(text)))
        for text in self.options:
            if not text.startswith("-") or "\n" in text:
                example = 'one option per line, such as "--qos=high"'
                raise ConfigError(
                    problem("not an option", field="options", expected=example, found=repr(text))
                )

    @property
    def tasks_per_node(self) -> int:
        """Processes of each computer."""
        return max(self.gpus_per_node, 1)


_BODY = r"""
set -u
FOLDER=@FOLDER@
step_of() { sed -n 's/^ *"step": *\([0-9][0-9]*\).*/\1/p' "$FOLDER/status.json" 2>/dev/null | head -n 1; }
TURN=${SLURM_RESTART_COUNT:-0}
STEP=$(step_of); STEP=${STEP:-0}
LAST=-1; IDLE=0
if [ "$TURN" -gt 0 ]; then
    [ -f "$FOLDER/slurm/turns" ] && read -r LAST IDLE < "$FOLDER/slurm/turns"
    if [ "$STEP" -gt "$LAST" ]; then IDLE=0; else IDLE=$((IDLE + 1)); fi
    rm -f "$FOLDER/run.lock"  # of the turn before, which is over
fi
echo "$STEP $IDLE" > "$FOLDER/slurm/turns"
if [ "$IDLE" -ge @IDLE@ ]; then
    echo "dynaclr fit: gave up after $IDLE turns without a step"
    exit 1
fi
if grep -q '"kind": "process"' "$FOLDER/launch.json" 2>/dev/null; then
    echo "dynaclr fit: this run was resumed outside the job"
    exit 1
fi
@BEFORE@
if ls "$FOLDER"/checkpoints/*.ckpt >/dev/null 2>&1; then
    WHAT=(--run.resume "$FOLDER")
else
    if [ -e "$FOLDER/run.json" ]; then  # a turn that came to no checkpoint
        mkdir -p "$FOLDER/slurm/turn-$TURN"
        for name in run.json config.yaml experiments.yaml status.json log.txt previews checkpoints; do
            [ -e "$FOLDER/$name" ] && mv "$FOLDER/$name" "$FOLDER/slurm/turn-$TURN/"
        done
        mv "$FOLDER"/events*.jsonl "$FOLDER/slurm/turn-$TURN/" 2>/dev/null
    fi
    WHAT=(--config "$FOLDER/request.yaml" --run.folder "$FOLDER")
fi
srun @PYTHON@ -m dynaclr fit "${WHAT[@]}" @ARGUMENTS@
CODE=$?
@REQUEUE@
exit $CODE
"""


_REQUEUE = r"""
if grep -q '"state": "stopped"' "$FOLDER/status.json" && grep -q 'signal SIGUSR1' "$FOLDER/status.json"; then
    scontrol requeue "$SLURM_JOB_ID"  # the time of this turn is over, the training is not
fi
""".strip()


def script_text(folder: RunFolder, request: JobRequest) -> str:
    """Return the batch script of a training whose request.yaml lies in a run folder.

    Raises
    ------
    ConfigError
        If the path cannot be used in a batch script.
    """
    if re.search(r"[\s%\\]", str(folder.path)):
        raise ConfigError(
            problem("path cannot be used in a batch script", file=folder.path, expected="no spaces, % or \\")
        )
    options = [
        f"--job-name=dynaclr-{folder.path.name}",
        f"--nodes={request.nodes}",
        f"--ntasks-per-node={request.tasks_per_node}",
        f"--cpus-per-task={request.cpus_per_task}",
        *([f"--gres=gpu:{request.gpus_per_node}"] if request.gpus_per_node else []),
        *([f"--mem={request.memory_gb}G"] if request.memory_gb is not None else []),
        *([f"--partition={request.partition}"] if request.partition else []),
        *([f"--account={request.account}"] if request.account else []),
        f"--time={request.time}",
        f"--signal=USR1@{request.warning_seconds}",
        "--requeue" if request.requeue else "--no-requeue",
        "--open-mode=append",
        f"--output={folder.output}",
        *request.options,
    ]
    several = request.nodes * request.tasks_per_node > 1
    arguments = [
        f"--trainer.devices={request.tasks_per_node}",
        f"--trainer.num_nodes={request.nodes}",
        *(["--trainer.strategy=ddp"] if several else []),
        "--trainer.enable_progress_bar=false",
    ]
    parts = {
        "@FOLDER@": shlex.quote(str(folder.path)),
        "@IDLE@": str(request.most_idle_turns),
        "@BEFORE@": "\n".join(request.before),
        "@REQUEUE@": _REQUEUE if request.requeue else "",
        "@PYTHON@": shlex.quote(request.python),
        "@ARGUMENTS@": shlex.join(arguments),
    }
    body = _BODY
    for name, text in parts.items():
        body = body.replace(name, text)
    return "\n".join(["#!/bin/bash", *(f"#SBATCH {option}" for option in options), body])

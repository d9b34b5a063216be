"""Options of model, loader, trainer and run, as frozen records; knows no Lightning.

What `Trainer` of Lightning takes is repeated here as far as people change it, since nothing that a form
reads may load Lightning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dynaclr.base.bounds import Bounds
from dynaclr.base.option import check, option

SEEDS = Bounds(0, 2**63 - 1)


@dataclass(frozen=True)
class SeedOptions:
    """What stands above all sections."""

    seed_everything: int = option("Seed of the weights; all draws of batches have data.seed", 0, bounds=SEEDS)

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class LearningOptions:
    """What `ContrastiveModule` takes besides encoder, loss and `hcl_beta`."""

    lr: float = option("Learning rate at its highest", 1e-3, bounds=Bounds(0, above=True), basic=True)
    weight_decay: float = option("Of AdamW; norms and biases have none", 1e-2, bounds=Bounds(0))
    warmup_steps: int = option(
        "Steps over which the learning rate rises from 0", 0, unit="steps", bounds=Bounds(0)
    )
    schedule: Literal["cosine", "constant"] = option("cosine falls to 0 at the last step", "cosine")
    health_every_n_steps: int = option(
        "How often alignment, uniformity and rank of a batch are logged; 0: never",
        50,
        unit="steps",
        bounds=Bounds(0),
    )
    channels_last: bool = option("Memory layout with channels innermost; newer GPUs are faster then", False)
    compile: Literal["inductor", "aot_eager", "eager"] | None = option(
        "Backend of torch.compile for the encoder, inductor for speed", None
    )

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class LoaderOptions:
    """What `MultiExperimentDataModule` takes besides the options of the pipeline."""

    num_workers: int = option(
        "Concurrent batch reads; 0 reads in the training thread", 1, bounds=Bounds(0), basic=True
    )
    hcl_beta: float = option(
        "Weight of hard negatives in NTXentHCL; or set beta of the loss", 0.5, bounds=Bounds(0)
    )
    prefetch_batches: int = option("Batches read ahead of those being read", 2, bounds=Bounds(0))

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class TrainerOptions:
    """What of Lightning's Trainer a person who trains an encoder changes."""

    max_epochs: int = option(
        "Epochs of the training; -1: no limit", 10, unit="epochs", bounds=Bounds(-1), basic=True
    )
    accelerator: Literal["auto", "cpu", "gpu", "mps"] = option(
        "Kind of device; auto takes a GPU if there is one", "auto", basic=True
    )
    devices: int | str = option("How many devices train together; auto takes all", "auto", basic=True)
    num_nodes: int = option("How many computers train together", 1, bounds=Bounds(1))
    strategy: str = option("How devices train together; auto is one process a device", "auto")
    precision: Literal["32-true", "16-mixed", "bf16-mixed"] | None = option(
        "Numbers that the network computes with; null: float32", None, basic=True
    )
    deterministic: bool = option("Use only operations that repeat exactly; slower on a GPU", False)
    gradient_clip_val: float | None = option(
        "Norm to which gradients are shortened; null: not", None, bounds=Bounds(0)
    )
    limit_train_batches: int | float | None = option("Batches of an epoch, or their share below 1", None)
    limit_val_batches: int | float | None = option("Batches of a validation, or their share below 1", None)
    check_val_every_n_epoch: int = option("Epochs between validations", 1, unit="epochs", bounds=Bounds(1))

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class RunSettings:
    """Where a run is written and what is kept of it."""

    root: str = option("Folder of run folders", "runs", basic=True)
    name: str = option("Last part of the run folder's name", "run", basic=True)
    folder: str | None = option("The run folder itself, in place of root, time and name", None)
    resume: str | None = option("Run folder to go on with", None)
    resume_from: Literal["newest", "best"] = option(
        "Checkpoint to go on from; best forgets what came after it", "newest"
    )
    monitor: str | None = option("Metric that chooses best.ckpt; smaller is better", "loss/val")
    checkpoint_every_n_epochs: int = option(
        "How often a checkpoint is kept for good; 0: never", 0, unit="epochs", bounds=Bounds(0), basic=True
    )
    checkpoint_every_n_steps: int = option(
        "How often last.ckpt is written inside an epoch; 0: at its end only",
        0,
        unit="steps",
        bounds=Bounds(0),
    )
    log_every_n_steps: int = option(
        "How often metrics of a step go to events.jsonl", 1, unit="steps", bounds=Bounds(1)
    )
    stop_every_n_steps: int = option(
        "How often the stop file and signals are looked at", 1, unit="steps", bounds=Bounds(1)
    )
    previews: int = option("Batches that are described in previews/", 4, bounds=Bounds(0))
    nonfinite_patience: int = option(
        "Steps in a row with a non-finite loss before the training ends", 3, unit="steps", bounds=Bounds(1)
    )
    force: bool = option("Resume although options differ, or the lock is another host's", False)

    def __post_init__(self) -> None:
        check(self)

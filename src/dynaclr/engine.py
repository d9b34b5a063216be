"""The Lightning module: encoder, loss, optimizer and what is logged."""

from __future__ import annotations

import math
import warnings
from typing import Any, Literal

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn

from dynaclr.base import keys
from dynaclr.base.errors import ConfigError, problem, together
from dynaclr.loss import NTXentHCL
from dynaclr.options.settings import LearningOptions, LoaderOptions
from dynaclr.training.draws import draws_of
from dynaclr.training.health import alignment, effective_rank, uniformity
from dynaclr.training.steps import total_steps

__all__ = ("ContrastiveModule",)

_HEALTH_ROWS = 2048


class ContrastiveModule(LightningModule):
    """Trains an encoder on pairs; the loss sees projections, the features are the embedding.

    Parameters
    ----------
    encoder
        Maps images (B, C, Z, Y, X) to (features (B, F), projections (B, P)).
    loss_function
        Called as loss(projections (2B, P), labels (2B,)), or as loss(anchor, positive, negative) if it
        is `torch.nn.TripletMarginLoss` and batches hold negatives. None for `NTXentHCL`.
    lr
        Learning rate at its highest.
    weight_decay
        Of AdamW; norms and biases have none.
    warmup_steps
        Steps over which the learning rate rises linearly from 0.
    schedule
        "cosine" falls to 0 at the last step, "constant" stays.
    hcl_beta
        Weight of hard negatives, given to an `NTXentHCL` whose `beta` is not set; None leaves it to the data
        module's `hcl_beta`. Two different weights are an error.
    health_every_n_steps
        How often alignment, uniformity and effective rank of a training batch are logged; 0 for never.
    channels_last
        Whether weights and images lie in memory with the channels innermost, which convolutions on newer
        GPUs prefer; results differ by rounding only.
    compile
        Backend of `torch.compile` for the encoder, "inductor" for speed; None compiles nothing. The first
        steps take minutes then.
    """

    def __init__(
        self,
        encoder: nn.Module,
        loss_function: nn.Module | None = None,
        lr: float = 1e-3,
        weight_decay: float = 1e-2,
        warmup_steps: int = 0,
        schedule: Literal["cosine", "constant"] = "cosine",
        hcl_beta: float | None = None,
        health_every_n_steps: int = 50,
        channels_last: bool = False,
        compile: Literal["inductor", "aot_eager", "eager"] | None = None,
    ) -> None:
        super().__init__()
        LearningOptions(
            lr, weight_decay, warmup_steps, schedule, health_every_n_steps, channels_last, compile
        )
        loss_function = NTXentHCL() if loss_function is None else loss_function
        self.encoder, self.loss_function = encoder, loss_function
        self.lr, self.weight_decay = lr, weight_decay
        self.warmup_steps, self.schedule = warmup_steps, schedule
        self.health_every_n_steps = health_every_n_steps
        self.channels_last = channels_last
        if channels_last:
            _turn_weights(encoder)
        if compile is not None:
            encoder.compile(backend=compile)  # in place: names in checkpoints stay
        if hcl_beta is not None:
            _set_beta(loss_function, hcl_beta)
        self.save_hyperparameters(ignore=["encoder", "loss_function"])
        self._val_features: list[tuple[Tensor, Tensor]] = []
        self._total_steps = math.inf

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return features (B, F) and projections (B, P) of images (B, C, Z, Y, X)."""
        if self.channels_last:
            images = images.contiguous(memory_format=torch.channels_last_3d)
        features, projections = self.encoder(images)
        return features, projections

    def setup(self, stage: str) -> None:
        """Check that the encoder takes what the data module gives, and the loss gets negatives and weight.

        Raises
        ------
        ConfigError
            If numbers of channels or slices differ, a batch is a single pair, or the data module's `hcl_beta`
            is another one than the loss's own.
        """
        data = getattr(self.trainer, "datamodule", None)
        both = {
            f"model.encoder.init_args.{name}": (getattr(self.encoder, name, None), getattr(data, field, None))
            for name, field in (("in_channels", "num_source_channels"), ("in_stack_depth", "stack_depth"))
        }
        problems = [
            problem("encoder does not match the data", field=name, expected=theirs, found=mine)
            for name, (mine, theirs) in both.items()
            if None not in (mine, theirs) and mine != theirs
        ]
        if problems:
            raise ConfigError(together("encoder", problems))
        beta = getattr(data, "hcl_beta", None)
        if beta is not None and beta != self.hparams["hcl_beta"]:
            _set_beta(self.loss_function, beta)
        sampling = getattr(getattr(data, "config", None), "sampling", None)
        if sampling is not None and sampling.batch_size < 2 and stage == "fit" and not self._brings_negatives:
            raise ConfigError(
                problem(
                    "a batch of one pair has no negatives: the loss would always be 0",
                    field="data.batch_size",
                    expected=">= 2",
                    found=sampling.batch_size,
                )
            )

    @property
    def _brings_negatives(self) -> bool:
        """Whether negatives come from elsewhere than the pairs of a batch of this process."""
        gathers = getattr(self.loss_function, "gather_negatives", False) and self.trainer.world_size > 1
        return isinstance(self.loss_function, nn.TripletMarginLoss) or bool(gathers)

    def on_train_start(self) -> None:
        """Let what is asked now win over what a checkpoint put into the optimizer and its schedule."""
        self._total_steps = total_steps(self.trainer)
        for config in self.trainer.lr_scheduler_configs:
            if isinstance(config.scheduler, torch.optim.lr_scheduler.LambdaLR):
                self._take_over(config.scheduler)

    def _take_over(self, scheduler: torch.optim.lr_scheduler.LambdaLR) -> None:
        groups = scheduler.optimizer.param_groups
        factor = _LearningRate(self.warmup_steps, self._total_steps, self.schedule)
        scheduler.lr_lambdas, scheduler.base_lrs = [factor] * len(groups), [self.lr] * len(groups)
        for group, wanted in zip(groups, self._groups(), strict=True):
            group["lr"] = self.lr * factor(scheduler.last_epoch)
            group.update(initial_lr=self.lr, weight_decay=wanted["weight_decay"])
        scheduler._last_lr = [group["lr"] for group in groups]

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        """Return the loss of a batch of pairs."""
        set_progress = getattr(self.loss_function, "set_progress", None)
        if callable(set_progress):
            set_progress(min(self.global_step / max(self._total_steps, 1), 1.0))
        with draws_of(batch.get(keys.BATCH_KEY), self.device):
            loss, first, second = self._pair_loss(batch)
        size = first.shape[0]
        options: dict[str, Any] = {"prog_bar": True, "batch_size": size, "sync_dist": True}
        self.log("loss/train", loss, on_step=True, on_epoch=True, **options)
        if self.health_every_n_steps and self.global_step % self.health_every_n_steps == 0:
            self._log_health("train", first.detach(), second.detach(), size)
        return loss

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        """Log the loss of a batch of held-out pairs."""
        loss, first, second = self._pair_loss(batch)
        self.log("loss/val", loss, on_epoch=True, prog_bar=True, batch_size=first.shape[0], sync_dist=True)
        if sum(item[0].shape[0] for item in self._val_features) < _HEALTH_ROWS:
            self._val_features.append((first.detach(), second.detach()))
        return loss

    def on_validation_epoch_end(self) -> None:
        """Log the health of the embedding of held-out anchors."""
        if self._val_features:
            first = torch.cat([item[0] for item in self._val_features])
            second = torch.cat([item[1] for item in self._val_features])
            self._log_health("val", first, second, first.shape[0])
            self._val_features.clear()

    def predict_step(self, batch: dict[str, Any], batch_idx: int) -> dict[str, Any]:
        """Return features, projections (float32 on the CPU) and the identities of a batch."""
        features, projections = self(batch[keys.ANCHOR])
        return {
            "features": features.float().cpu(),
            "projections": projections.float().cpu(),
            keys.INDEX: batch[keys.INDEX],
        }

    def _pair_loss(self, batch: dict[str, Any]) -> tuple[Tensor, Tensor, Tensor]:
        """Return the loss, and the features of anchors and positives (B, F)."""
        parts = [batch[keys.ANCHOR], batch[keys.POSITIVE]]
        triplet = isinstance(self.loss_function, nn.TripletMarginLoss)
        if triplet:
            if keys.NEGATIVE not in batch:
                raise ConfigError(
                    problem(
                        "TripletMarginLoss needs negatives",
                        field="return_negative",
                        expected=True,
                        found=False,
                        fix="Set data.return_negative to true, or use dynaclr.loss.TripletMarginLoss.",
                    )
                )
            parts.append(batch[keys.NEGATIVE])
        size = parts[0].shape[0]
        features, projections = self(torch.cat(parts))
        if triplet:
            loss = self.loss_function(*projections.split(size))
        else:
            labels = torch.arange(size, device=projections.device).repeat(2)
            loss = self._labeled_loss(projections, labels, batch)
        return loss, features[:size], features[size : 2 * size]

    def _labeled_loss(self, projections: Tensor, labels: Tensor, batch: dict[str, Any]) -> Tensor:
        if getattr(self.loss_function, "exclude_same_lineage", False):
            lineage = torch.as_tensor(batch[keys.ANCHOR_META]["lineage"], device=labels.device).repeat(2)
            return self.loss_function(projections, labels, lineage)  # type: ignore[no-any-return]
        return self.loss_function(projections, labels)  # type: ignore[no-any-return]

    def _log_health(self, stage: str, first: Tensor, second: Tensor, size: int) -> None:
        values = {
            f"health/alignment_{stage}": alignment(first, second),
            f"health/uniformity_{stage}": uniformity(first),
            f"health/effective_rank_{stage}": effective_rank(first),
        }
        train = stage == "train"
        self.log_dict(values, on_step=train, on_epoch=not train, batch_size=size, sync_dist=True)

    def _groups(self) -> list[dict[str, Any]]:
        decayed = [p for p in self.parameters() if p.requires_grad and p.ndim > 1]
        plain = [p for p in self.parameters() if p.requires_grad and p.ndim <= 1]
        return [
            {"params": decayed, "weight_decay": self.weight_decay},
            {"params": plain, "weight_decay": 0.0},
        ]

    def configure_optimizers(self) -> Any:
        """Return AdamW, and the schedule stepped every batch."""
        optimizer = torch.optim.AdamW(self._groups(), lr=self.lr)
        total = float(self.trainer.estimated_stepping_batches)
        if self.schedule == "cosine" and not math.isfinite(total):
            raise ConfigError(
                problem(
                    "a cosine schedule needs an end",
                    field="max_epochs or max_steps",
                    expected="a number",
                    found="none",
                )
            )
        if 0 < total <= self.warmup_steps:
            text = "warm-up is as long as the training: the learning rate never reaches lr"
            found = f"{self.warmup_steps} of {total:g} steps"
            warnings.warn(problem(text, field="warmup_steps", found=found), stacklevel=2)
        factor = _LearningRate(self.warmup_steps, total, self.schedule)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


def _turn_weights(encoder: nn.Module) -> None:
    """Lay the weights of convolutions in the plane and in space with the channels innermost."""
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    for weight in encoder.parameters():
        if weight.ndim in formats:
            weight.data = weight.data.contiguous(memory_format=formats[weight.ndim])


def _set_beta(loss_function: nn.Module, hcl_beta: float) -> None:
    """Give the loss its weight of hard negatives, unless it has one of its own."""
    LoaderOptions(hcl_beta=hcl_beta)  # the bounds
    default = LoaderOptions.hcl_beta
    if not isinstance(loss_function, NTXentHCL):
        if hcl_beta not in (default, 0.0):
            name = type(loss_function).__name__
            text = problem(
                "no effect: this loss has no weight of hard negatives", field="hcl_beta", found=name
            )
            warnings.warn(text, stacklevel=3)
        return
    if loss_function.beta not in (default, hcl_beta) and hcl_beta != default:
        raise ConfigError(
            problem(
                "two different weights of hard negatives",
                field="hcl_beta",
                expected=f"beta of the loss, {loss_function.beta:g}",
                found=f"{hcl_beta:g}",
                fix="Set one of them.",
            )
        )
    if hcl_beta != default:
        loss_function.beta = float(hcl_beta)


class _LearningRate:
    """Factor of the learning rate at a step: linear warm-up, then the schedule."""

    def __init__(self, warmup_steps: int, total_steps: float, schedule: str) -> None:
        self.warmup_steps, self.total_steps, self.schedule = warmup_steps, total_steps, schedule

    def __call__(self, step: int) -> float:
        if step < self.warmup_steps:
            return (step + 1) / (self.warmup_steps + 1)
        if self.schedule == "constant":
            return 1.0
        done = (step - self.warmup_steps) / max(self.total_steps - self.warmup_steps, 1)
        return 0.5 * (1.0 + math.cos(math.pi * min(done, 1.0)))

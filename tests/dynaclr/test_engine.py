from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from tests.support.trainers import quiet_trainer
from torch import Tensor, nn

from dynaclr.base.errors import ConfigError
from dynaclr.base.random import BatchKey
from dynaclr.encoder.small_encoder import SmallEncoder
from dynaclr.engine import ContrastiveModule
from dynaclr.loss import NTXentHCL, NTXentLoss
from dynaclr.runs.record.checkpoints import load_checkpoint
from dynaclr.training.health import alignment, effective_rank, uniformity

BATCHES = 10


class Batches(torch.utils.data.Dataset[dict[str, Any]]):
    """Ten batches of eight pairs, the same whenever they are asked for."""

    def __init__(self, negatives: bool = False, count: int = BATCHES) -> None:
        self.negatives, self.count = negatives, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> dict[str, Any]:
        drawn = torch.Generator().manual_seed(number)
        names = ["anchor", "positive", *(["negative"] if self.negatives else [])]
        images = {name: torch.randn(8, 2, 1, 12, 12, generator=drawn) for name in names}
        return {**images, "key": BatchKey(0, 0, number), "anchor_meta": {"lineage": np.arange(8) % 4}}


def loader(**options: Any) -> torch.utils.data.DataLoader[dict[str, Any]]:
    return torch.utils.data.DataLoader(Batches(**options), batch_size=None)


def encoder(**options: int) -> SmallEncoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return SmallEncoder(options.get("channels", 2), 1, (4, 8), 6)


class Notes(Callback):
    """What every step did."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.logged: list[dict[str, float]] = []
        self.validated: list[dict[str, float]] = []

    def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
        self.rates.append(trainer.optimizers[0].param_groups[0]["lr"])

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        self.logged.append({name: float(value) for name, value in trainer.logged_metrics.items()})

    def on_validation_end(self, trainer: Trainer, *_: Any) -> None:
        self.validated.append({name: float(value) for name, value in trainer.callback_metrics.items()})


def fit(
    module: LightningModule, *, train: Any = None, val: Any = None, **options: Any
) -> tuple[Trainer, Notes]:
    notes = Notes()
    trainer = quiet_trainer(**{"num_sanity_val_steps": 0, "callbacks": [notes], **options})
    trainer.fit(module, loader() if train is None else train, val)
    return trainer, notes


def expected_rate(step: int, lr: float, warmup: int, total: int, schedule: str) -> float:
    if step < warmup:
        return lr * (step + 1) / (warmup + 1)
    if schedule == "constant":
        return lr
    return lr * (1 + math.cos(math.pi * (step - warmup) / (total - warmup))) / 2


@pytest.mark.parametrize("schedule", ["cosine", "constant"])
@pytest.mark.parametrize("warmup", [0, 5])
def test_warm_up_and_schedule_act_on_every_step(schedule: Any, warmup: int) -> None:
    module = ContrastiveModule(encoder(), NTXentHCL(), lr=0.01, warmup_steps=warmup, schedule=schedule)
    _, notes = fit(module)
    assert notes.rates == pytest.approx([expected_rate(k, 0.01, warmup, 20, schedule) for k in range(20)])
    assert all(rate > 0 for rate in notes.rates)


def test_the_schedule_counts_steps_not_batches() -> None:
    _, notes = fit(ContrastiveModule(encoder(), NTXentHCL(), lr=0.01), accumulate_grad_batches=2)
    assert notes.rates[::2] == pytest.approx([expected_rate(k, 0.01, 0, 10, "cosine") for k in range(10)])
    assert notes.rates[::2] == notes.rates[1::2]


def test_a_cosine_needs_an_end() -> None:
    with pytest.raises(ConfigError, match="a cosine schedule needs an end"):
        fit(ContrastiveModule(encoder(), NTXentHCL()), max_epochs=-1)


def test_it_learns() -> None:
    _, notes = fit(ContrastiveModule(encoder(), NTXentHCL(), lr=0.01, schedule="constant"), max_epochs=8)
    losses = [entry["loss/train_step"] for entry in notes.logged]
    assert np.mean(losses[-BATCHES:]) < 0.8 * np.mean(losses[:BATCHES])


def test_losses_and_health_are_logged_without_a_logger() -> None:
    module = ContrastiveModule(encoder(), NTXentHCL(), health_every_n_steps=4)
    _, notes = fit(module, val=loader(count=3))
    assert all("loss/train_step" in entry for entry in notes.logged)
    fresh = [
        k
        for k, entry in enumerate(notes.logged)
        if entry.get("health/uniformity_train")
        != (notes.logged[k - 1].get("health/uniformity_train") if k else None)
    ]
    assert fresh == [0, 4, 8, 12, 16]
    names = {"loss/val", *(f"health/{kind}_val" for kind in ("alignment", "uniformity", "effective_rank"))}
    assert all(names <= set(entry) for entry in notes.validated)


def test_what_is_logged_is_what_the_network_gives() -> None:
    """The health of the validation, and its loss, against the same encoder used by hand."""
    module = ContrastiveModule(encoder(), NTXentHCL(temperature=0.3))
    trainer, _ = fit(module, max_epochs=1, limit_train_batches=2)
    logged = trainer.validate(module, loader(count=3), verbose=False)[0]
    module.eval()
    with torch.no_grad():
        batches = [Batches()[number] for number in range(3)]
        pairs = [(module.encoder(batch["anchor"]), module.encoder(batch["positive"])) for batch in batches]
        labels = torch.arange(8).repeat(2)
        losses = [NTXentHCL(temperature=0.3)(torch.cat([a[1], p[1]]), labels) for a, p in pairs]
        first, second = (torch.cat([pair[place][0] for pair in pairs]) for place in (0, 1))
    assert logged["loss/val"] == pytest.approx(float(torch.stack(losses).mean()), rel=1e-5)
    assert logged["health/alignment_val"] == pytest.approx(float(alignment(first, second)), rel=1e-4)
    assert logged["health/uniformity_val"] == pytest.approx(float(uniformity(first)), rel=1e-4)
    assert logged["health/effective_rank_val"] == pytest.approx(float(effective_rank(first)), rel=1e-4)


def test_health_can_be_switched_off() -> None:
    _, notes = fit(ContrastiveModule(encoder(), NTXentHCL(), health_every_n_steps=0), max_epochs=1)
    assert not any("health" in name for entry in notes.logged for name in entry)


def test_our_checkpoint_loads_as_weights_only(tmp_path: Path) -> None:
    module = ContrastiveModule(encoder(), NTXentHCL(), lr=0.02, warmup_steps=3, hcl_beta=0.7)
    trainer, _ = fit(module, max_epochs=1)
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    content = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert content["hyper_parameters"]["lr"] == 0.02
    assert not {"encoder", "loss_function"} & set(content["hyper_parameters"])
    other = ContrastiveModule(SmallEncoder(2, 1, (4, 8), 6), NTXentHCL())
    other.load_state_dict(load_checkpoint(tmp_path / "last.ckpt")["state_dict"])
    for name, weight in module.state_dict().items():
        assert torch.equal(weight, other.state_dict()[name]), name


def test_a_resumed_training_goes_on_with_rate_and_weights(tmp_path: Path) -> None:
    class Saves(Callback):
        def on_train_epoch_end(self, trainer: Trainer, *_: Any) -> None:
            trainer.save_checkpoint(tmp_path / f"{trainer.current_epoch}.ckpt")

    whole = ContrastiveModule(encoder(), NTXentHCL(), lr=0.01, warmup_steps=4)
    fit(whole, callbacks=[first := Notes(), Saves()])
    second, again = ContrastiveModule(encoder(), NTXentHCL(), lr=0.01, warmup_steps=4), Notes()
    trainer = quiet_trainer(callbacks=[again])
    trainer.fit(second, loader(), ckpt_path=tmp_path / "0.ckpt", weights_only=True)
    assert again.rates == first.rates[BATCHES:]
    for name, weight in whole.state_dict().items():
        assert torch.equal(weight, second.state_dict()[name]), name


def test_decay_spares_norms_and_biases() -> None:
    module = ContrastiveModule(encoder(), NTXentHCL(), weight_decay=0.3)
    trainer, _ = fit(module, max_epochs=1)
    decayed, plain = trainer.optimizers[0].param_groups
    assert (decayed["weight_decay"], plain["weight_decay"]) == (0.3, 0.0)
    assert all(weight.ndim > 1 for weight in decayed["params"])
    assert all(weight.ndim == 1 for weight in plain["params"])
    assert len(decayed["params"]) + len(plain["params"]) == len(list(module.parameters()))


def test_beta_reaches_hard_negatives_only() -> None:
    assert ContrastiveModule(encoder(), NTXentHCL(beta=0.5), hcl_beta=0.9).loss_function.beta == 0.9
    assert ContrastiveModule(encoder(), NTXentHCL(beta=0.5)).loss_function.beta == 0.5
    with pytest.warns(
        UserWarning, match="hcl_beta: no effect: this loss has no weight of hard negatives; found NTXentLoss"
    ):
        assert ContrastiveModule(encoder(), NTXentLoss(), hcl_beta=0.9).loss_function.beta == 0.0
    with pytest.warns(UserWarning, match="found TripletMarginLoss"):
        triplet = ContrastiveModule(encoder(), nn.TripletMarginLoss(), hcl_beta=0.9)
    assert not hasattr(triplet.loss_function, "beta")


def test_a_weight_of_hard_negatives_is_set_in_one_place() -> None:
    assert ContrastiveModule(encoder(), NTXentHCL(beta=3.0), hcl_beta=0.5).loss_function.beta == 3.0
    assert ContrastiveModule(encoder(), NTXentHCL(beta=3.0), hcl_beta=3.0).loss_function.beta == 3.0
    with pytest.raises(
        ConfigError, match="two different weights of hard negatives; expected beta of the loss, 3; found 2"
    ):
        ContrastiveModule(encoder(), NTXentHCL(beta=3.0), hcl_beta=2.0)


def test_a_warm_up_that_does_not_end_is_told() -> None:
    with pytest.warns(
        UserWarning, match="warmup_steps: warm-up is as long as the training.*found 99 of 20 steps"
    ):
        fit(ContrastiveModule(encoder(), NTXentHCL(), warmup_steps=99))


class Spy(nn.Module):
    """A loss that notes what it is given."""

    def __init__(self, exclude_same_lineage: bool) -> None:
        super().__init__()
        self.exclude_same_lineage = exclude_same_lineage
        self.given: list[tuple[Tensor, ...]] = []
        self.progress: list[float] = []

    def set_progress(self, progress: float) -> None:
        self.progress.append(progress)

    def forward(self, *values: Tensor) -> Tensor:
        self.given.append(values)
        return values[0].square().mean()


@pytest.mark.parametrize("lineage", [False, True])
def test_what_the_loss_is_given(lineage: bool) -> None:
    loss = Spy(lineage)
    fit(ContrastiveModule(encoder(), loss), max_epochs=1)
    for given in loss.given:
        assert given[0].shape == (16, 6)
        assert given[1].tolist() == [*range(8), *range(8)]
        assert len(given) == 2 + lineage
        if lineage:
            assert given[2].tolist() == [0, 1, 2, 3] * 4
    assert loss.progress == pytest.approx([k / BATCHES for k in range(BATCHES)])


def test_triplets_take_the_negatives_of_the_batch() -> None:
    module = ContrastiveModule(encoder(), nn.TripletMarginLoss(margin=0.4))
    with pytest.raises(ConfigError, match="TripletMarginLoss needs negatives"):
        fit(module)
    _, notes = fit(module, train=loader(negatives=True), max_epochs=1)
    assert all(math.isfinite(entry["loss/train_step"]) for entry in notes.logged)


def test_each_validation_is_judged_by_its_own_embedding() -> None:
    module = ContrastiveModule(torch.nn.Identity(), torch.nn.Identity())
    module._log_health = lambda *found: logged.append(found[-1])  # type: ignore[method-assign]
    logged: list[int] = []
    for size in (4, 6):
        module._val_features.append((torch.rand(size, 3), torch.rand(size, 3)))
        module.on_validation_epoch_end()
    assert logged == [4, 6]


def test_prediction_is_float32_on_the_cpu_with_its_identities() -> None:
    module = ContrastiveModule(encoder(), NTXentHCL()).eval()
    batch = {"anchor": Batches()[0]["anchor"], "index": [{"t": k} for k in range(8)]}
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        result = module.predict_step(batch, 0)
    assert (result["features"].shape, result["projections"].shape) == ((8, 8), (8, 6))
    assert result["features"].dtype == result["projections"].dtype == torch.float32
    assert result["index"] is batch["index"]


@pytest.mark.parametrize(("field", "theirs"), [("num_source_channels", 3), ("stack_depth", 5)])
def test_an_encoder_that_does_not_fit_the_data(field: str, theirs: int) -> None:
    class Data(LightningDataModule):
        num_source_channels, stack_depth = 2, 1

        def train_dataloader(self) -> Any:
            return loader()

    data = Data()
    setattr(data, field, theirs)
    trainer = quiet_trainer(max_epochs=1)
    with pytest.raises(ConfigError, match=f"encoder does not match the data; expected {theirs}"):
        trainer.fit(ContrastiveModule(encoder(), NTXentHCL()), datamodule=data)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("lr", 0.0),
        ("lr", -1.0),
        ("lr", math.nan),
        ("lr", math.inf),
        ("weight_decay", -0.1),
        ("weight_decay", math.nan),
        ("warmup_steps", -1),
        ("schedule", "linear"),
        ("health_every_n_steps", -1),
    ],
)
def test_options_out_of_range(field: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"field {field}: (value out of range|unknown choice)"):
        ContrastiveModule(encoder(), NTXentHCL(), **{field: value})


def losses_of(notes: Notes) -> list[float]:
    return [entry["loss/train_step"] for entry in notes.logged]


@pytest.mark.filterwarnings("ignore:.*AMP with fp16 is not supported on CPU")
@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
def test_mixed_precision_rounds_what_is_computed_and_not_what_is_kept(precision: Any) -> None:
    seen: set[torch.dtype] = set()
    module = ContrastiveModule(encoder(), NTXentHCL())
    module.encoder.register_forward_hook(lambda _, inputs, outputs: seen.add(outputs[1].dtype))
    _, notes = fit(module, precision=precision)
    assert seen == {torch.bfloat16}  # a CPU has no half precision
    assert {weight.dtype for weight in module.parameters()} == {torch.float32}
    _, plain = fit(ContrastiveModule(encoder(), NTXentHCL()))
    assert losses_of(notes)[:BATCHES] == pytest.approx(losses_of(plain)[:BATCHES], rel=0.05)
    assert losses_of(notes) != losses_of(plain)


def test_channels_last_turns_weights_and_images_and_changes_rounding_only(tmp_path: Path) -> None:
    seen: list[bool] = []
    module = ContrastiveModule(encoder(), NTXentHCL(), channels_last=True)
    module.encoder.register_forward_pre_hook(
        lambda _, inputs: seen.append(inputs[0].is_contiguous(memory_format=torch.channels_last_3d))
    )
    trainer, notes = fit(module)
    assert seen and all(seen)
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    turned = [weight for weight in module.encoder.parameters() if weight.ndim in formats]
    assert turned
    assert all(weight.is_contiguous(memory_format=formats[weight.ndim]) for weight in turned)
    _, plain = fit(ContrastiveModule(encoder(), NTXentHCL()))
    assert losses_of(notes) == pytest.approx(losses_of(plain), rel=1e-3)
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    ContrastiveModule(encoder(), NTXentHCL()).load_state_dict(
        load_checkpoint(tmp_path / "last.ckpt")["state_dict"]
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
def test_a_compiled_encoder_gives_the_same_losses_and_names() -> None:
    module = ContrastiveModule(encoder(), NTXentHCL(), compile="eager")
    _, notes = fit(module)
    assert torch._dynamo.utils.counters["frames"]["ok"] > 0
    plain = ContrastiveModule(encoder(), NTXentHCL())
    assert list(module.state_dict()) == list(plain.state_dict())
    assert losses_of(notes) == pytest.approx(losses_of(fit(plain)[1]), rel=1e-4)

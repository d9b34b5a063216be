from __future__ import annotations

import math
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.loaded import Loaded
from torch import Tensor, nn

from dynaclr.base.errors import ConfigError
from dynaclr.loss import NTXentHCL, NTXentLoss, TripletMarginLoss

Array = npt.NDArray[np.float64]
LABELS = {
    "pairs": [0, 1, 2, 3, 0, 1, 2, 3],
    "triples": [5, 5, 9, 9, 5, 9],
    "mixed": [0, 1, 0, 1, 1, 2, 2],
}


def embeddings(rows: int, columns: int = 6, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=(rows, columns))


def cosines_by_loops(vectors: Array) -> Array:
    count = len(vectors)
    result = np.empty((count, count))
    for i in range(count):
        for j in range(count):
            lengths = math.sqrt(vectors[i] @ vectors[i]) * math.sqrt(vectors[j] @ vectors[j])
            result[i, j] = vectors[i] @ vectors[j] / lengths
    return result


def negatives_of(i: int, labels: list[int], lineages: list[int] | None) -> list[int]:
    others = [k for k in range(len(labels)) if labels[k] != labels[i]]
    return others if lineages is None else [k for k in others if lineages[k] != lineages[i]]


def reference(
    vectors: Array,
    labels: list[int],
    temperature: float,
    beta: float = 0.0,
    lineages: list[int] | None = None,
) -> float:
    """Mean over ordered positive pairs of the formula, written with loops."""
    cosines, losses = cosines_by_loops(vectors), []
    for i in range(len(labels)):
        negatives = negatives_of(i, labels, lineages)
        raw = [math.exp(beta * cosines[i, k]) for k in negatives]
        weights = [value * len(negatives) / sum(raw) for value in raw]
        spread = sum(
            w * math.exp(cosines[i, k] / temperature) for w, k in zip(weights, negatives, strict=True)
        )
        for p in range(len(labels)):
            if p != i and labels[p] == labels[i]:
                positive = math.exp(cosines[i, p] / temperature)
                losses.append(-math.log(positive / (positive + spread)))
    return float(np.mean(losses))


def triplet_reference(vectors: Array, labels: list[int], margin: float) -> float:
    """Nearest negative farther than the positive, else the farthest; distance 1 - cosine."""
    cosines, losses = cosines_by_loops(vectors), []
    for i in range(len(labels)):
        distances = [1 - cosines[i, k] for k in negatives_of(i, labels, None)]
        for p in range(len(labels)):
            if p != i and labels[p] == labels[i]:
                own = 1 - cosines[i, p]
                farther = [d for d in distances if d > own]
                losses.append(max(0.0, own - (min(farther) if farther else max(distances)) + margin))
    return float(np.mean(losses))


def numeric_gradient(function: object, vectors: Array, step: float = 1e-6) -> Array:
    result = np.empty_like(vectors)
    for place in np.ndindex(vectors.shape):
        moved = [vectors.copy(), vectors.copy()]
        moved[0][place] += step
        moved[1][place] -= step
        result[place] = (function(moved[0]) - function(moved[1])) / (2 * step)  # type: ignore[operator]
    return result


def value_and_gradient(
    loss: nn.Module, vectors: Array, labels: list[int], *rest: Tensor
) -> tuple[float, Array]:
    tensor = torch.tensor(vectors, requires_grad=True)
    value = loss(tensor, torch.tensor(labels), *rest)
    value.backward()
    assert value.shape == () and tensor.grad is not None
    return value.item(), tensor.grad.numpy()


@pytest.mark.parametrize("name", LABELS)
@pytest.mark.parametrize("temperature", [0.02, 0.07, 1.0])
@pytest.mark.parametrize("beta", [0.0, 0.5, 3.0, 20.0])
def test_value_and_gradient_agree_with_loops(name: str, temperature: float, beta: float) -> None:
    labels = LABELS[name]
    vectors = embeddings(len(labels))
    value, gradient = value_and_gradient(NTXentHCL(temperature, beta), vectors, labels)
    assert value == pytest.approx(reference(vectors, labels, temperature, beta), rel=1e-9)
    expected = numeric_gradient(lambda moved: reference(moved, labels, temperature, beta), vectors)
    np.testing.assert_allclose(gradient, expected, atol=1e-6 * max(1.0, np.abs(expected).max()))


@pytest.mark.parametrize("name", LABELS)
def test_beta_zero_is_exactly_nt_xent(name: str) -> None:
    labels = LABELS[name]
    vectors = embeddings(len(labels), seed=4)
    hard, gradient = value_and_gradient(NTXentHCL(0.1, beta=0.0), vectors, labels)
    plain, plain_gradient = value_and_gradient(NTXentLoss(0.1), vectors, labels)
    assert hard == plain
    np.testing.assert_array_equal(gradient, plain_gradient)


@pytest.mark.parametrize("temperature", [0.07, 0.5])
@pytest.mark.parametrize("beta", [0.0, 2.0])
def test_closed_forms(temperature: float, beta: float) -> None:
    loss = NTXentHCL(temperature, beta)
    labels = torch.arange(8).repeat(2)
    same = loss(torch.ones(16, 4), labels).item()
    assert same == pytest.approx(math.log(15), rel=1e-5)  # all cosines 1, 14 negatives
    apart = loss(torch.eye(8).repeat(2, 1), labels).item()
    assert apart == pytest.approx(math.log(1 + 14 * math.exp(-1 / temperature)), rel=1e-4, abs=1e-9)


def test_beta_in_the_form_over_temperature() -> None:
    """Weights exp(b s / T) are those of beta = b / T, as b = beta * T says."""
    labels, temperature, b = LABELS["pairs"], 0.2, 0.7
    vectors = embeddings(8)
    cosines = cosines_by_loops(vectors)
    total = []
    for i in range(8):
        negatives = negatives_of(i, labels, None)
        weights = np.exp(b * cosines[i, negatives] / temperature)
        weights *= len(negatives) / weights.sum()
        positive = math.exp(cosines[i, (i + 4) % 8] / temperature)
        total.append(math.log1p((weights * np.exp(cosines[i, negatives] / temperature)).sum() / positive))
    value, _ = value_and_gradient(NTXentHCL(temperature, b / temperature), vectors, labels)
    assert value == pytest.approx(np.mean(total), rel=1e-9)


def test_larger_beta_raises_the_loss_and_the_share_of_the_hardest_negative() -> None:
    labels = LABELS["pairs"]
    values, shares = [], []
    for beta in (0.0, 1.0, 5.0, 25.0):
        vectors = embeddings(8, seed=1)
        value, gradient = value_and_gradient(NTXentHCL(0.5, beta), vectors, labels)
        cosines = cosines_by_loops(vectors)
        np.fill_diagonal(cosines, -2)
        for i in range(8):
            cosines[i, (i + 4) % 8] = -2
        hardest = np.unravel_index(cosines.argmax(), cosines.shape)[0]
        values.append(value)
        shares.append(np.linalg.norm(gradient[hardest]) / np.linalg.norm(gradient))
    assert values == sorted(values) and values[0] < values[-1]
    assert shares[-1] > shares[0]


@settings(deadline=None, max_examples=25)
@given(st.permutations(range(8)), st.sampled_from([0.0, 1.5]), st.sampled_from(["nt_xent", "triplet"]))
def test_order_of_rows_does_not_matter(order: list[int], beta: float, kind: str) -> None:
    vectors, labels = embeddings(8), np.array(LABELS["pairs"])
    loss = NTXentHCL(0.1, beta) if kind == "nt_xent" else TripletMarginLoss()
    before, gradient = value_and_gradient(loss, vectors, labels.tolist())
    after, moved = value_and_gradient(loss, vectors[order], labels[order].tolist())
    assert after == pytest.approx(before, rel=1e-12)
    np.testing.assert_allclose(moved, gradient[order], atol=1e-12)


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 12), st.integers(0, 1000))
def test_names_of_labels_and_lengths_of_vectors_do_not_matter(pairs: int, seed: int) -> None:
    vectors = embeddings(2 * pairs, seed=seed)
    names = np.random.default_rng(seed).permutation(10_000)[:pairs]
    lengths = np.random.default_rng(seed + 1).uniform(0.1, 9.0, size=(2 * pairs, 1))
    loss = NTXentHCL(0.1, 1.0)
    before, _ = value_and_gradient(loss, vectors, np.tile(np.arange(pairs), 2).tolist())
    after, _ = value_and_gradient(loss, vectors * lengths, np.tile(names, 2).tolist())
    assert after == pytest.approx(before, rel=1e-10)


@pytest.mark.parametrize("temperature", [1e-3, 0.01])
@pytest.mark.parametrize("beta", [0.0, 0.5, 500.0])
def test_small_temperatures_stay_finite(temperature: float, beta: float) -> None:
    vectors = torch.tensor(embeddings(32), dtype=torch.float32, requires_grad=True)
    value = NTXentHCL(temperature, beta)(vectors, torch.arange(16).repeat(2))
    value.backward()
    assert vectors.grad is not None
    assert torch.isfinite(value) and torch.isfinite(vectors.grad).all() and vectors.grad.abs().sum() > 0


@pytest.mark.parametrize("loss", [NTXentLoss(), NTXentHCL(0.07, 1.0), TripletMarginLoss()])
def test_autocast_computes_in_float32(loss: nn.Module) -> None:
    labels = torch.arange(32).repeat(2)
    vectors = torch.tensor(embeddings(64, 16), dtype=torch.float32)
    expected = loss(vectors, labels)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = loss(vectors, labels)
        half = loss(vectors.bfloat16(), labels)
    assert found.dtype == torch.float32 and torch.equal(found, expected)
    assert half.dtype == torch.float32 and torch.equal(half, loss(vectors.bfloat16().float(), labels))


def test_memory_grows_with_the_square_of_the_batch() -> None:
    """No tensor of the graph is larger than a few matrices (2B, 2B)."""
    saved: list[int] = []

    def note(tensor: Tensor) -> Tensor:
        saved.append(tensor.numel())
        return tensor

    vectors = torch.tensor(embeddings(256, 8), dtype=torch.float32, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        NTXentHCL()(vectors, torch.arange(128).repeat(2)).backward()
    assert max(saved) <= 256 * 256 and sum(saved) <= 12 * 256 * 256


def test_negatives_of_the_same_lineage_are_left_out() -> None:
    labels, lineages = LABELS["pairs"], [0, 0, 1, 2, 0, 0, 1, 2]
    vectors = embeddings(8)
    for beta in (0.0, 2.0):
        loss = NTXentHCL(0.2, beta, exclude_same_lineage=True)
        value, gradient = value_and_gradient(loss, vectors, labels, torch.tensor(lineages))
        assert value == pytest.approx(reference(vectors, labels, 0.2, beta, lineages), rel=1e-9)
        assert value != pytest.approx(reference(vectors, labels, 0.2, beta), rel=1e-3)
        expected = numeric_gradient(lambda moved, b=beta: reference(moved, labels, 0.2, b, lineages), vectors)
        np.testing.assert_allclose(gradient, expected, atol=1e-6)


def test_rows_without_negatives_are_finite() -> None:
    for loss in (NTXentHCL(exclude_same_lineage=True), TripletMarginLoss(exclude_same_lineage=True)):
        vectors = embeddings(4)
        value, gradient = value_and_gradient(loss, vectors, [0, 1, 0, 1], torch.zeros(4, dtype=torch.long))
        assert value == 0.0 and np.isfinite(gradient).all()


def test_lineages_are_ignored_unless_asked_for() -> None:
    vectors, labels = torch.tensor(embeddings(8)), torch.tensor(LABELS["pairs"])
    loss = NTXentLoss()
    assert torch.equal(loss(vectors, labels), loss(vectors, labels, torch.zeros(8, dtype=torch.long)))


def test_temperature_follows_a_half_cosine() -> None:
    vectors, labels = embeddings(8), LABELS["pairs"]
    loss = NTXentLoss(0.5, temperature_end=0.1)
    for fraction, temperature in (
        (0.0, 0.5),
        (0.5, 0.3),
        (0.25, 0.1 + 0.2 * (1 + math.sqrt(0.5))),
        (1.0, 0.1),
    ):
        loss.set_progress(fraction)
        value, _ = value_and_gradient(loss, vectors, labels)
        assert value == pytest.approx(reference(vectors, labels, temperature), rel=1e-9)


def test_progress_does_nothing_without_an_end() -> None:
    vectors, labels = torch.tensor(embeddings(8)), torch.tensor(LABELS["pairs"])
    loss = NTXentHCL(0.2)
    before = loss(vectors, labels)
    loss.set_progress(0.7)
    assert torch.equal(loss(vectors, labels), before)


@pytest.mark.parametrize("name", LABELS)
@pytest.mark.parametrize("margin", [0.05, 0.3, 1.5])
def test_triplet_agrees_with_loops(name: str, margin: float) -> None:
    labels = LABELS[name]
    vectors = embeddings(len(labels), seed=2)
    value, gradient = value_and_gradient(TripletMarginLoss(margin), vectors, labels)
    assert value == pytest.approx(triplet_reference(vectors, labels, margin), rel=1e-9)
    expected = numeric_gradient(lambda moved: triplet_reference(moved, labels, margin), vectors)
    np.testing.assert_allclose(gradient, expected, atol=1e-6)


def test_triplet_is_zero_when_all_is_farther_than_the_margin() -> None:
    assert TripletMarginLoss(0.9)(torch.eye(4).repeat(2, 1), torch.arange(4).repeat(2)) == 0


@pytest.mark.parametrize("loss", [NTXentHCL(0.2, 1.0), TripletMarginLoss()])
def test_a_second_batch_with_other_labels_is_judged_by_its_own(loss: nn.Module) -> None:
    vectors = embeddings(8)
    for labels in (LABELS["pairs"], [0, 0, 1, 1, 2, 2, 3, 3], LABELS["pairs"]):
        fresh = NTXentHCL(0.2, 1.0) if isinstance(loss, NTXentHCL) else TripletMarginLoss()
        assert value_and_gradient(loss, vectors, labels)[0] == value_and_gradient(fresh, vectors, labels)[0]


@pytest.mark.parametrize("bad", [0.0, -0.1, math.nan, math.inf, True, "0.1"])
def test_bad_temperatures_and_margins(bad: float) -> None:
    for build in (NTXentLoss, NTXentHCL, TripletMarginLoss, lambda t: NTXentLoss(0.1, temperature_end=t)):
        with pytest.raises(ConfigError):
            build(bad)


@pytest.mark.parametrize("bad", [-0.1, math.nan, math.inf])
def test_bad_beta(bad: float) -> None:
    with pytest.raises(ConfigError, match="beta"):
        NTXentHCL(0.1, bad)


@pytest.mark.parametrize("loss", [NTXentLoss(), TripletMarginLoss()])
@pytest.mark.parametrize(
    "vectors, labels, field",
    [
        (torch.ones(4), torch.zeros(4, dtype=torch.long), "embeddings"),
        (torch.ones(4, 2), torch.zeros(3, dtype=torch.long), "labels"),
        (torch.ones(4, 2), torch.zeros(4), "labels"),
        (torch.ones(4, 2), torch.arange(4), "labels: some rows have no positive.*all of them"),
        (torch.ones(4, 2), torch.tensor([0, 0, 1, 2]), "labels: some rows have no positive.*2 of 4"),
    ],
)
def test_bad_batches(loss: nn.Module, vectors: Tensor, labels: Tensor, field: str) -> None:
    with pytest.raises(ConfigError, match=field):
        loss(vectors, labels)


def test_lineages_are_demanded_when_needed() -> None:
    with pytest.raises(ConfigError, match="lineages"):
        NTXentLoss(exclude_same_lineage=True)(torch.ones(4, 2), torch.tensor([0, 0, 1, 1]))


def test_gathering_without_ranks_changes_nothing() -> None:
    vectors, labels = torch.tensor(embeddings(8)), torch.tensor(LABELS["pairs"])
    assert torch.equal(NTXentLoss(gather_negatives=True)(vectors, labels), NTXentLoss()(vectors, labels))


RANK = """
    import sys
    import torch
    from dynaclr.loss import NTXentHCL
    from dynaclr.loss.gather import gather_rows

    torch.set_num_threads(1)
    rank, sizes = int(sys.argv[1]), (4, 3)
    torch.distributed.init_process_group("gloo", init_method="file://" + sys.argv[2], rank=rank, world_size=2)
    own = torch.load(f"own{rank}.pt").requires_grad_()
    loss = NTXentHCL(0.3, 1.0, gather_negatives=True, exclude_same_lineage=True)
    lineages = torch.arange(sizes[rank]).repeat(2)  # cells 0, 1, 2 occur on both ranks
    value = loss(own, torch.arange(sizes[rank]).repeat(2), lineages)
    value.backward()
    gathered, at = gather_rows(own.detach())
    found = {"value": value.detach(), "gradient": own.grad, "gathered": gathered, "first": at}
    torch.save(found, f"{rank}.pt")
    torch.distributed.destroy_process_group()
"""


@pytest.mark.slow
def test_two_ranks_give_what_one_process_would(tmp_path: Path, loaded: Loaded) -> None:
    for rank, own in enumerate(torch.tensor(embeddings(14, seed=7)).split([8, 6])):
        torch.save(own.clone(), tmp_path / f"own{rank}.pt")
    with ExitStack() as stack:
        store = str(tmp_path / "store")
        ranks = [stack.enter_context(loaded.running(tmp_path, str(k), store, code=RANK)) for k in range(2)]
        assert [rank.wait() for rank in ranks] == [0, 0], ranks[0].errors + ranks[1].errors
    results = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]
    vectors = embeddings(14, seed=7)
    labels = [0, 1, 2, 3] * 2 + [10, 11, 12] * 2  # of another rank: never a positive
    lineages = [0, 1, 2, 3] * 2 + [0, 1, 2] * 2
    rows = [range(8), range(8, 14)]

    def of_rank(moved: Array, rank: int) -> float:
        cosines, losses = cosines_by_loops(moved), []
        for i in rows[rank]:
            negatives = negatives_of(i, labels, lineages)
            weights = np.exp(cosines[i, negatives])
            weights *= len(negatives) / weights.sum()
            spread = (weights * np.exp(cosines[i, negatives] / 0.3)).sum()
            other = next(p for p in range(14) if p != i and labels[p] == labels[i])
            losses.append(math.log1p(spread / math.exp(cosines[i, other] / 0.3)))
        return float(np.mean(losses))

    for rank in range(2):
        assert torch.equal(results[rank]["gathered"], torch.tensor(vectors))
        assert results[rank]["first"] == rows[rank].start
        assert results[rank]["value"].item() == pytest.approx(of_rank(vectors, rank), rel=1e-9)
    expected = numeric_gradient(lambda moved: of_rank(moved, 0) + of_rank(moved, 1), vectors)
    found = torch.cat([result["gradient"] for result in results]).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)

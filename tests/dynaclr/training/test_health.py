from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from dynaclr.training.health import alignment, effective_rank, uniformity


def rows(count: int, columns: int = 5, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, columns))


def on_sphere(values: np.ndarray) -> np.ndarray:
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def test_alignment_equals_a_loop() -> None:
    first, second = rows(12), 3 * rows(12, seed=1)
    pairs = zip(on_sphere(first), on_sphere(second), strict=True)
    expected = np.mean([sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) for a, b in pairs])
    assert alignment(torch.tensor(first), torch.tensor(second)).item() == pytest.approx(expected, rel=1e-5)


def test_uniformity_equals_loops() -> None:
    points = on_sphere(rows(12))
    terms = [math.exp(-2 * sum((points[i] - points[j]) ** 2)) for i in range(12) for j in range(i)]
    assert uniformity(torch.tensor(rows(12))).item() == pytest.approx(math.log(np.mean(terms)), rel=1e-5)


def test_effective_rank_equals_its_formula() -> None:
    values = rows(12)
    singular = np.sqrt(np.linalg.eigvalsh(values.T @ values))
    share = singular / singular.sum()
    expected = math.exp(-sum(p * math.log(p) for p in share))
    assert effective_rank(torch.tensor(values)).item() == pytest.approx(expected, rel=1e-3)


def test_known_embeddings() -> None:
    same = torch.ones(30, 8)
    assert alignment(same, 7 * same).item() == pytest.approx(0, abs=1e-6)
    assert alignment(same, -same).item() == pytest.approx(4)
    assert uniformity(same).item() == pytest.approx(0, abs=1e-5)  # collapsed
    assert effective_rank(same).item() == pytest.approx(1, rel=1e-3)
    spread = torch.tensor(rows(2000, 64), dtype=torch.float32)
    assert uniformity(spread).item() == pytest.approx(-4, abs=0.15)
    assert effective_rank(torch.eye(16)).item() == pytest.approx(16, rel=1e-3)


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_rows_for_pairs(count: int) -> None:
    assert uniformity(torch.ones(count, 4)).item() == 0


def test_half_precision_is_computed_in_single() -> None:
    values = torch.tensor(rows(40, 16)).half()
    for value in (alignment(values, values), uniformity(values), effective_rank(values)):
        assert value.dtype == torch.float32
        assert math.isfinite(value.item())


def test_many_rows_cost_no_more_than_some() -> None:
    values = torch.tensor(rows(5000, 4), dtype=torch.float32)
    assert uniformity(values).item() == uniformity(values[:512]).item()
    assert effective_rank(values).item() == effective_rank(values[:2048]).item()


@pytest.mark.parametrize("strange", [math.nan, math.inf])
def test_features_that_are_not_finite_end_no_training(strange: float) -> None:
    values = torch.tensor(rows(12))
    values[3, 2] = strange
    for value in (alignment(values, values), uniformity(values), effective_rank(values)):
        assert math.isnan(value.item())

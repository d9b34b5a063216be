"""NT-Xent with hard negatives, forward, against one (2B, D) x (D, 2B) product, 128-d, one thread.

At 64 pairs the product takes 0.05 ms, less than the fixed cost of the operators that a loss needs
(normalising, two exponentials, sums), so there the limit is on that fixed cost.
"""

from __future__ import annotations

import math

import torch
from runner import compare, finish

from dynaclr.loss import NTXentHCL

DIMENSIONS = 128
LIMITS = {64: 12.0, 256: 3.0, 512: 3.0}


def loop_reference(embeddings: torch.Tensor, labels: torch.Tensor, temperature: float, beta: float) -> float:
    """The formula, one pair and one negative at a time."""
    unit = [[x / math.hypot(*row) for x in row] for row in embeddings.double().tolist()]
    codes, terms = labels.tolist(), []
    cosines = [[sum(a * b for a, b in zip(u, v, strict=True)) for v in unit] for u in unit]
    for i, row in enumerate(cosines):
        negatives = [s for s, code in zip(row, codes, strict=True) if code != codes[i]]
        weights = [math.exp(beta * s) for s in negatives]
        scale = len(negatives) / sum(weights)
        total = sum(scale * w * math.exp(s / temperature) for w, s in zip(weights, negatives, strict=True))
        for p, s in enumerate(row):
            if p != i and codes[p] == codes[i]:
                positive = math.exp(s / temperature)
                terms.append(-math.log(positive / (positive + total)))
    return sum(terms) / len(terms)


def main() -> None:
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    results = []
    for pairs, limit in LIMITS.items():
        embeddings = torch.randn(2 * pairs, DIMENSIONS, generator=generator)
        labels = torch.arange(pairs).repeat(2)
        loss = NTXentHCL(temperature=0.07, beta=0.5)
        if pairs == min(LIMITS):
            expected = loop_reference(embeddings, labels, 0.07, 0.5)
            found = float(loss(embeddings, labels))
            assert math.isclose(found, expected, rel_tol=1e-5), (found, expected)
            print(f"value at {pairs} pairs: {found:.6f}, loop reference {expected:.6f}")
        embeddings.requires_grad_(True)
        results.append(
            compare(
                f"NTXentHCL forward, {pairs} pairs",
                lambda loss=loss, e=embeddings, codes=labels: loss(e, codes),
                lambda e=embeddings: e @ e.T,
                limit=limit,
                pairs=9,
            )
        )
    finish(results)


if __name__ == "__main__":
    main()

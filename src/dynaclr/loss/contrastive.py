"""Contrastive losses on a batch of embeddings and labels.

All of them work on the dense matrix of cosines (2B, 2B), so memory grows with the square of the batch.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dynaclr.base.bounds import Bounds
from dynaclr.base.errors import ConfigError, problem
from dynaclr.loss.gather import gather_rows
from dynaclr.loss.nt_xent import Comparison, Groups, label_groups, nt_xent

BOUNDS = {
    "temperature": Bounds(0, above=True),
    "temperature_end": Bounds(0, above=True),
    "beta": Bounds(0),
    "margin": Bounds(0, above=True),
}
"""Bounds of the arguments that are numbers."""

_MIN_LENGTH = 1e-12
"""An embedding shorter than this counts as having this length; its cosines are then near 0."""


class _InBatchLoss(nn.Module, ABC):
    """What the losses share: arguments, cosines, and who is whose positive and negative.

    Parameters
    ----------
    exclude_same_lineage
        Leave out negatives of the row's own lineage; the call then needs `lineages`.
    gather_negatives
        Take the embeddings of all ranks as negatives. The gradient flows back to every rank. Labels
        are local: a row of another rank is never a positive. Without several ranks it does nothing.
    """

    def __init__(self, *, exclude_same_lineage: bool, gather_negatives: bool) -> None:
        super().__init__()
        self.exclude_same_lineage = exclude_same_lineage
        self.gather_negatives = gather_negatives
        self._last_groups: Groups | None = None  # in training every batch has the same labels

    def forward(self, embeddings: Tensor, labels: Tensor, lineages: Tensor | None = None) -> Tensor:
        """Return the loss, a scalar, in float32 (float64 for float64 embeddings) also under autocast.

        Parameters
        ----------
        embeddings
            (2B, D); need not be of unit length.
        labels
            (2B,) integers. Rows with equal labels are positives of each other.
        lineages
            (2B,) integers, the same codes on every rank; used if `exclude_same_lineage`.

        Raises
        ------
        ConfigError
            If shapes disagree, a row shares its label with no other, all rows share one, or lineages are
            needed and absent.
        """
        _check_batch(embeddings, labels, lineages, needs_lineages=self.exclude_same_lineage)
        with _full_precision(embeddings.device.type):
            own = embeddings if embeddings.dtype == torch.float64 else embeddings.float()
            lengths = torch.linalg.vector_norm(own, dim=1, keepdim=True)
            return self.reduce(self._compare(own / lengths.clamp_min(_MIN_LENGTH), labels, lineages))

    @abstractmethod
    def reduce(self, comparison: Comparison) -> Tensor:
        """Return the scalar loss of a batch."""

    def _compare(self, unit: Tensor, labels: Tensor, lineages: Tensor | None) -> Comparison:
        groups = self._groups_of(labels)
        candidates, first = gather_rows(unit) if self.gather_negatives else (unit, 0)
        if groups.members.shape[1] == candidates.shape[0]:
            what = "no negatives: the loss would not depend on the embeddings"
            raise ConfigError(problem(what, field="labels", expected="two or more", found="one"))
        members = groups.members + first if first else groups.members
        positive = groups.positive if unit.dtype == torch.float32 else groups.positive.to(unit.dtype)
        if not self.exclude_same_lineage or lineages is None:
            left_out, counts = None, candidates.shape[0] - groups.sizes.to(unit.dtype)
        else:
            everyone = gather_rows(lineages)[0] if self.gather_negatives else lineages
            left_out = (lineages[:, None] == everyone).scatter_(1, members, True)  # (N, M)
            counts = (candidates.shape[0] - left_out.sum(dim=1)).to(unit.dtype)
        return Comparison(unit, candidates, members, positive, groups.pairs, left_out, counts)

    def _groups_of(self, labels: Tensor) -> Groups:
        """Return the groups of the labels; those of the last call again if the labels are the same."""
        last = self._last_groups
        if last is not None and last.labels.device == labels.device and torch.equal(last.labels, labels):
            return last
        groups = label_groups(labels)
        if groups is None or bool((groups.sizes < 2).any()):
            alone = "all of them" if groups is None else f"{int((groups.sizes < 2).sum())} of {len(labels)}"
            what = "some rows have no positive"
            expected = "each label on two rows or more"
            raise ConfigError(problem(what, field="labels", expected=expected, found=f"alone: {alone}"))
        self._last_groups = groups
        return groups


class NTXentLoss(_InBatchLoss):
    """Normalized temperature-scaled cross entropy (Chen et al., ICML 2020).

    The mean over positive pairs (i, p), both directions, of
    -log(exp(s_ip / T) / (exp(s_ip / T) + sum over negatives n of exp(s_in / T))), s the cosine. With
    two rows a label, the normal case, that is NT-Xent; with more, the other positives of i are not
    negatives of (i, p). A pair whose row has no negative contributes 0, the value of the formula.

    Parameters
    ----------
    temperature
        T at the start.
    temperature_end
        T at the end of training, reached on a half cosine by `set_progress`; None keeps T constant.
    exclude_same_lineage
        Leave out negatives of the row's own lineage; the call then needs `lineages`.
    gather_negatives
        Take the embeddings of all ranks as negatives.

    Raises
    ------
    ConfigError
        If a temperature is not a finite number above 0.

    Examples
    --------
    >>> loss = NTXentLoss(temperature=0.2)
    >>> value = loss(torch.eye(4), torch.tensor([0, 1, 0, 1]))
    """

    def __init__(
        self,
        temperature: float = 0.07,
        *,
        temperature_end: float | None = None,
        exclude_same_lineage: bool = False,
        gather_negatives: bool = False,
    ) -> None:
        super().__init__(exclude_same_lineage=exclude_same_lineage, gather_negatives=gather_negatives)
        self.temperature = _number("temperature", temperature)
        self.temperature_end = (
            None if temperature_end is None else _number("temperature_end", temperature_end)
        )
        self.beta = 0.0
        self._progress = 0.0

    def set_progress(self, fraction: float) -> None:
        """Say how much of training is done, 0 to 1; the temperature follows."""
        self._progress = min(max(float(fraction), 0.0), 1.0)

    @property
    def current_temperature(self) -> float:
        """Temperature at the progress last set."""
        if self.temperature_end is None:
            return self.temperature
        left = (1 + math.cos(math.pi * self._progress)) / 2
        return self.temperature_end + (self.temperature - self.temperature_end) * left

    def reduce(self, comparison: Comparison) -> Tensor:
        """Return the mean over positive pairs of log(1 + sum of weighted negatives / positive)."""
        return nt_xent(comparison, temperature=self.current_temperature, beta=self.beta)


class NTXentHCL(NTXentLoss):
    """NT-Xent in which hard negatives count more (Robinson et al., ICLR 2021).

    Negative n of row i has the weight exp(beta s_in), s the cosine, rescaled so that the weights of a
    row sum to its number of negatives; beta = 0 is exactly `NTXentLoss`. The gradient also flows
    through the weights. The form that writes the weight as exp(b s_in / T) has b = beta * T: its b = 1
    at T = 0.07 is beta = 14.3 here, and beta = 0.5 here is its b = 0.035.

    Parameters
    ----------
    temperature
        T at the start.
    beta
        How much hard negatives count; 0 or more.
    temperature_end, exclude_same_lineage, gather_negatives
        As in `NTXentLoss`.

    Raises
    ------
    ConfigError
        If a temperature is not above 0 or beta is below 0.
    """

    def __init__(
        self,
        temperature: float = 0.07,
        beta: float = 0.5,
        *,
        temperature_end: float | None = None,
        exclude_same_lineage: bool = False,
        gather_negatives: bool = False,
    ) -> None:
        super().__init__(
            temperature,
            temperature_end=temperature_end,
            exclude_same_lineage=exclude_same_lineage,
            gather_negatives=gather_negatives,
        )
        self.beta = _number("beta", beta)


class TripletMarginLoss(_InBatchLoss):
    """Triplet loss with semi-hard negatives of the batch (Schroff et al., CVPR 2015).

    The distance is d = 1 - cosine, 0 to 2. For each positive pair (i, p), both directions, the negative is
    the nearest one that is farther than p; if none is, the farthest one. The hardest negative of all is
    not taken: it collapses embeddings early in training. The loss is the mean over pairs of
    max(0, d_ip - d_in + margin); a pair whose row has no negative contributes 0.

    Parameters
    ----------
    margin
        By how much a negative must be farther than the positive; above 0, in units of d.
    exclude_same_lineage, gather_negatives
        As in `NTXentLoss`.

    Raises
    ------
    ConfigError
        If the margin is not a finite number above 0.
    """

    def __init__(
        self, margin: float = 0.3, *, exclude_same_lineage: bool = False, gather_negatives: bool = False
    ) -> None:
        super().__init__(exclude_same_lineage=exclude_same_lineage, gather_negatives=gather_negatives)
        self.margin = _number("margin", margin)

    def reduce(self, comparison: Comparison) -> Tensor:
        """Return the mean hinge of the pairs; distances are compared as cosines."""
        cosines = comparison.unit @ comparison.candidates.T  # (N, M)
        rows, places = comparison.positive.nonzero(as_tuple=True)
        positives = cosines.gather(1, comparison.members)[rows, places]  # (P,)
        never = cosines.scatter(1, comparison.members, -math.inf)
        if comparison.left_out is not None:
            never = never.masked_fill(comparison.left_out, -math.inf)
        candidates = never[rows]  # (P, M), -inf where no negative
        with torch.no_grad():
            semi_hard = candidates.masked_fill(candidates >= positives[:, None], -math.inf)
            nearest, chosen = semi_hard.max(dim=1)
            farthest = candidates.masked_fill(candidates == -math.inf, math.inf).argmin(dim=1)
            chosen = torch.where(nearest == -math.inf, farthest, chosen)
        negatives = candidates.gather(1, chosen[:, None])[:, 0]
        return F.relu(negatives - positives + self.margin).mean()


def _full_precision(device_type: str) -> AbstractContextManager[object]:
    if torch.is_autocast_enabled(device_type):
        return torch.autocast(device_type, enabled=False)
    return nullcontext()


def _check_batch(
    embeddings: Tensor, labels: Tensor, lineages: Tensor | None, *, needs_lineages: bool
) -> None:
    if embeddings.ndim != 2 or not embeddings.is_floating_point():
        found = f"{tuple(embeddings.shape)} {embeddings.dtype}"
        raise ConfigError(problem("wrong shape or type", field="embeddings", expected="(2B, D)", found=found))
    for name, codes in (("labels", labels), ("lineages", lineages)):
        if codes is None:
            continue
        if codes.shape != embeddings.shape[:1] or codes.is_floating_point():
            expected = f"({embeddings.shape[0]},) integers"
            found = f"{tuple(codes.shape)} {codes.dtype}"
            raise ConfigError(problem("wrong shape or type", field=name, expected=expected, found=found))
    if needs_lineages and lineages is None:
        what = "the loss excludes negatives of the same lineage but was called without lineages"
        raise ConfigError(problem(what, field="lineages", expected="(2B,) integers", found="None"))


def _number(name: str, value: float) -> float:
    """Return a setting as float if it is a finite number within its bounds."""
    if not BOUNDS[name].holds(value):
        raise ConfigError(problem("value out of range", field=name, expected=BOUNDS[name], found=repr(value)))
    return float(value)

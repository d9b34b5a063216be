from __future__ import annotations

import os
import socket

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from dynaclr.gather import gather_rows
from dynaclr.loss import NTXentHCL

ROWS = (6, 4)  # ranks of different size


def make_batch(rank):
    rng = np.random.default_rng(rank)
    embeddings = torch.tensor(rng.normal(size=(ROWS[rank], 5)))
    labels = torch.arange(ROWS[rank] // 2).repeat(2)
    return embeddings, labels, labels + 2 * rank  # lineage 2 is on both ranks


def work(rank, port, folder):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    dist.init_process_group("gloo", rank=rank, world_size=2)
    embeddings, labels, lineages = make_batch(rank)
    embeddings.requires_grad_(True)
    loss = NTXentHCL(0.3, 0.5, gather_negatives=True, exclude_same_lineage=True)
    value = loss(embeddings, labels, lineages)
    value.backward()
    everyone, first = gather_rows(embeddings.detach())
    torch.save((value.detach(), embeddings.grad, everyone, first), f"{folder}/{rank}.pt")
    dist.destroy_process_group()


def test_without_a_process_group_rows_are_returned_as_they_are():
    rows = torch.rand(3, 2)
    assert gather_rows(rows)[0] is rows
    assert gather_rows(rows)[1] == 0


@pytest.mark.slow
def test_two_processes_give_value_and_gradient_of_the_joint_batch(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    mp.spawn(work, args=(port, str(tmp_path)), nprocs=2)
    found = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]

    # one process: labels made different between the ranks, each rank's loss is the mean over its pairs
    batches = [make_batch(rank) for rank in range(2)]
    leaf = torch.cat([item[0] for item in batches]).requires_grad_(True)
    unit = torch.nn.functional.normalize(leaf, dim=1)
    labels = torch.cat([batches[0][1], batches[1][1] + 100]).tolist()
    lineages = torch.cat([item[2] for item in batches]).tolist()
    cosines, values = unit @ unit.T, []
    for rows in (range(ROWS[0]), range(ROWS[0], sum(ROWS))):
        terms = []
        for i in rows:
            others = [n for n in range(sum(ROWS)) if labels[n] != labels[i] and lineages[n] != lineages[i]]
            weights = torch.softmax(0.5 * cosines[i, others], dim=0) * len(others)
            total = (weights * torch.exp(cosines[i, others] / 0.3)).sum()
            positive = next(torch.exp(cosines[i, p] / 0.3) for p in rows if p != i and labels[p] == labels[i])
            terms.append(-torch.log(positive / (positive + total)))
        values.append(torch.stack(terms).mean())
    sum(values).backward()

    for rank, (value, gradient, everyone, first) in enumerate(found):
        torch.testing.assert_close(value, values[rank].detach())
        torch.testing.assert_close(gradient, leaf.grad[first : first + ROWS[rank]])
        assert torch.equal(everyone, leaf.detach())
        assert first == (0, ROWS[0])[rank]

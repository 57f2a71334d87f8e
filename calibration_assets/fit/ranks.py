"""The process group a fit runs under: who holds which columns, and sums over all.

A single process is a group of one; `torchrun` starts larger ones (gloo on CPU, NCCL on CUDA).
"""

import os
from dataclasses import dataclass

import numpy as np
import torch
from torch import distributed


@dataclass(frozen=True)
class Ranks:
    """This process's number among `size`."""

    rank: int = 0
    size: int = 1
    device: str = "cpu"

    def shard(self, n_columns: int) -> tuple[int, int]:
        """First column of this rank and the one after its last."""
        edges = np.linspace(0, n_columns, self.size + 1).astype(int)
        return int(edges[self.rank]), int(edges[self.rank + 1])

    def add(self, values: torch.Tensor) -> torch.Tensor:
        """Sum over ranks, in place."""
        if self.size > 1:
            distributed.all_reduce(values)
        return values

    def agree(self, wish: bool) -> bool:
        """The first rank's wish, on every rank."""
        if self.size == 1:
            return wish
        told = torch.tensor([int(wish)], device=self.device)
        distributed.broadcast(told, 0)
        return bool(told.item())

    def gather(self, local: torch.Tensor, n_columns: int) -> torch.Tensor:
        """The ranks' shards (their columns,) put together (columns,), on every rank."""
        whole = torch.zeros(n_columns, dtype=local.dtype, device=local.device)
        first, last = self.shard(n_columns)
        whole[first:last] = local
        return self.add(whole)


def join_ranks(device: str) -> Ranks:
    """The group that `torchrun` describes in the environment, or a group of one."""
    if not distributed.is_torchelastic_launched():
        return Ranks()
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if device == "cuda" else "gloo")
    if device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    return Ranks(distributed.get_rank(), distributed.get_world_size(), device)

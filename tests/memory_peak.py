"""Bytes that tensors hold at once, counted as operations make and drop them; tensors without data (fake ones) count."""

import weakref

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class PeakMemory(TorchDispatchMode):
    """The most bytes that were alive together of what was made inside; ``begin`` counts anew."""

    def __init__(self) -> None:
        super().__init__()
        self.alive, self.now, self.peak = set(), 0, 0

    def begin(self) -> None:
        self.peak = self.now

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self._count(leaf.untyped_storage())
        self.peak = max(self.peak, self.now)
        return result

    def _count(self, storage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key not in self.alive:
            self.alive.add(key)
            self.now += size
            weakref.finalize(storage, self._drop, key, size)

    def _drop(self, key: int, size: int) -> None:
        self.alive.remove(key)
        self.now -= size

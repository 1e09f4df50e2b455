"""A key–value cache with room to grow."""

from __future__ import annotations

from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer


class _RoomyLayer(DynamicLayer):
    """A dynamic layer that writes into spare slots, where its parent copies all of itself for every token."""

    def __init__(self, layer: DynamicLayer, room: int) -> None:
        super().__init__()
        self.lazy_initialization(layer.keys, layer.values)
        self.keys, self.values, self.room = layer.keys, layer.values, room
        self._make_room()

    def _make_room(self) -> None:
        pad = (0, 0, 0, self.room)
        self._all_keys = torch.nn.functional.pad(self.keys, pad)
        self._all_values = torch.nn.functional.pad(self.values, pad)

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        used, new = self.keys.shape[-2], key_states.shape[-2]
        self._all_keys[:, :, used : used + new] = key_states
        self._all_values[:, :, used : used + new] = value_states
        self.keys, self.values = self._all_keys[:, :, : used + new], self._all_values[:, :, : used + new]
        self.room -= new
        return self.keys, self.values

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        super().batch_select_indices(indices)
        self._make_room()


def make_room(cache: DynamicCache, slots: int) -> None:
    """Let every layer that keeps all of its tokens take ``slots`` more without being copied."""
    cache.layers = [_RoomyLayer(layer, slots) if type(layer) is DynamicLayer else layer for layer in cache.layers]

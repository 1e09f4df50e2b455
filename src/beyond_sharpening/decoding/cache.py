"""A key–value cache with room to grow."""

from __future__ import annotations

from typing import Any, cast

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer


class _RoomyLayer(DynamicLayer):
    """A dynamic layer that writes into spare slots, where its parent copies all of itself for every token."""

    def __init__(self, layer: DynamicLayer, room: int) -> None:
        super().__init__()
        self.is_initialized, self.room = True, room
        self._hold(layer)

    def _hold(self, layer: DynamicLayer) -> None:
        """Copy the keys and values of a layer to where there is room behind them."""
        keys, values = cast(torch.Tensor, layer.keys), cast(torch.Tensor, layer.values)
        pad = (0, 0, 0, self.room)
        self._all_keys, self._all_values = torch.nn.functional.pad(keys, pad), torch.nn.functional.pad(values, pad)
        self._show(keys.shape[-2])

    def _show(self, used: int) -> None:
        self.keys, self.values = self._all_keys[:, :, :used], self._all_values[:, :, :used]

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        used, new = self._all_keys.shape[-2] - self.room, key_states.shape[-2]
        self._all_keys[:, :, used : used + new] = key_states
        self._all_values[:, :, used : used + new] = value_states
        self.room -= new
        self._show(used + new)
        return self.keys, self.values  # type: ignore[return-value]

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        super().batch_select_indices(indices)
        self._hold(self)


def make_room(cache: DynamicCache, slots: int) -> None:
    """Let every layer that keeps all of its tokens take ``slots`` more without being copied."""
    cache.layers = [_RoomyLayer(layer, slots) if type(layer) is DynamicLayer else layer for layer in cache.layers]

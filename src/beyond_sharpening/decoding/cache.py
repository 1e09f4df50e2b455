"""A key–value cache with room to grow."""

from __future__ import annotations

from typing import Any, cast

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer


class _RoomyLayer(DynamicLayer):
    """A dynamic layer that writes into spare slots, where its parent copies all of itself for every token.

    Under autocast it holds what attention makes of keys and values, which float32 weights leave in float32: half the
    memory, and nothing to cast at every token.
    """

    def __init__(self, layer: DynamicLayer, room: int) -> None:
        super().__init__()
        self.is_initialized, self.room = True, room
        self._hold(layer)

    def _hold(self, layer: DynamicLayer) -> None:
        """Copy the keys and values of a layer to where there is room behind them."""
        keys, values = _cast(cast(torch.Tensor, layer.keys)), _cast(cast(torch.Tensor, layer.values))
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


def _cast(tensor: torch.Tensor) -> torch.Tensor:
    """As autocast would give it to attention."""
    device = tensor.device.type
    return tensor.to(torch.get_autocast_dtype(device)) if torch.is_autocast_enabled(device) else tensor


def make_room(cache: DynamicCache, slots: int) -> bool:
    """Let every layer that keeps all of its tokens take ``slots`` more without being copied; say if all layers do."""
    for place, layer in enumerate(cache.layers):  # one after the other: what each held before is free again
        if type(layer) is DynamicLayer:
            cache.layers[place] = _RoomyLayer(layer, slots)
    return all(type(layer) is _RoomyLayer for layer in cache.layers)

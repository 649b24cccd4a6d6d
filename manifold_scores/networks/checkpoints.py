"""Checkpoints of a training run: written whole or not at all, read without running code from the file."""

from __future__ import annotations

import hashlib
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import torch

__all__ = ["digest", "read", "require_same", "write"]

_FORMAT = "manifold_scores.networks.train 1"
_ENTRIES = {"format", "settings", "start", "module", "optimizer", "draws", "losses"}


def write(path: pathlib.Path, state: dict[str, Any]) -> None:
    """Write state under another name, onto the disk, then rename: at any time `path` is the old file or the new one."""
    temporary = path.with_name(path.name + ".writing")
    try:
        with open(temporary, "wb") as file:
            torch.save({"format": _FORMAT, **state}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read(path: pathlib.Path) -> dict[str, Any] | None:
    """Return the state in a file, or None if there is none; ValueError for anything that `write` did not write.

    Only tensors, numbers, texts and containers of them are read (weights_only): nothing in the file is executed.
    """
    if not path.exists():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever the readers of archives and pickles make of other files
        raise ValueError(
            f"checkpoint must lead to a file that train wrote; {path} cannot be read ({type(error).__name__})"
        ) from None
    if not isinstance(state, dict) or state.get("format") != _FORMAT or set(state) != _ENTRIES:
        raise ValueError(f"checkpoint must lead to a file that train wrote; {path} holds something else")
    return state


def require_same(path: pathlib.Path, state: dict[str, Any], settings: dict[str, str], present: str) -> None:
    """Raise ValueError unless the state comes from these settings and this network, untrained or as it was written.

    `present` is the digest of the weights that the network has now.
    """
    for name, here in settings.items():
        there = state["settings"].get(name)
        if there != here:
            raise ValueError(f"checkpoint {path} belongs to another training: its {name} is {there}, not {here}")
    if present not in {state["start"], digest(state["module"])}:
        raise ValueError(
            f"checkpoint {path} belongs to another network: the weights are neither those it began with "
            f"nor those it holds; build the network as it was then, or choose another path"
        )


def digest(weights: Mapping[str, torch.Tensor]) -> str:
    """Return a hash of names, shapes, types and bits."""
    found = hashlib.sha256()
    for name, tensor in weights.items():
        flat = tensor.detach().cpu().contiguous().flatten()
        found.update(f"{name} {tuple(tensor.shape)} {tensor.dtype};".encode())
        found.update(flat.view(torch.uint8).numpy().tobytes())
    return found.hexdigest()

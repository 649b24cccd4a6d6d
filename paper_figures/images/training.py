"""What the networks on images share: layers drawn from a generator of their own, Adam, a progress bar.  Needs torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise

import numpy as np
import torch
from tqdm.auto import tqdm

__all__ = ["as_rows", "minimise", "one_torch_thread", "perceptron"]

_SHOWN = 100  # steps between two losses on the bar


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Let torch work with one thread within the block: the same bits on machines with any number of cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def perceptron(sizes: tuple[int, ...], generator: torch.Generator) -> torch.nn.Sequential:
    """Return fully connected layers with ReLU between them and none after the last, float32.

    Weights are uniform on [-k, k], k = (6 / inputs)^{1/2} (He et al. 2015), for the last layer inputs^{-1/2}; biases
    start at zero.  Torch's global generator is neither used nor moved.
    """
    layers: list[torch.nn.Module] = []
    for number, (inputs, outputs) in enumerate(pairwise(sizes)):
        # Built without memory first: torch's own initial values would be drawn from the global generator.
        layer = torch.nn.Linear(inputs, outputs, device="meta").to_empty(device="cpu")
        bound = math.sqrt((6.0 if number + 2 < len(sizes) else 1.0) / inputs)
        with torch.no_grad():
            layer.weight.uniform_(-bound, bound, generator=generator)
            layer.bias.zero_()
        layers += [layer, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def minimise(
    loss: Callable[[torch.Tensor], torch.Tensor], parameters: list[torch.nn.Parameter], count: int, steps: int,
    batch: int, rate: float, generator: torch.Generator, name: str,
) -> np.ndarray:  # fmt: skip
    """Minimise loss(indices of a batch) over rows 0 to count - 1 by Adam; return the losses of all steps, (steps,).

    Batches are drawn with replacement; the learning rate falls from `rate` to a hundredth of it along half a cosine.
    ValueError if a loss is not finite.
    """
    optimizer = torch.optim.Adam(parameters, fused=True)
    losses = np.empty(steps)
    with tqdm(total=steps, desc=name, unit="step", disable=None) as bar:
        for step in range(steps):
            share = 0.5 * (1.0 + math.cos(math.pi * step / steps))
            for group in optimizer.param_groups:
                group["lr"] = rate * (0.01 + 0.99 * share)
            optimizer.zero_grad()
            value = loss(torch.randint(count, (min(batch, count),), generator=generator))
            value.backward()
            losses[step] = value.item()
            if not math.isfinite(losses[step]):
                raise ValueError(f"{name}: the loss must be finite; it is {losses[step]} at step {step}")
            optimizer.step()
            bar.update()
            if (step + 1) % _SHOWN == 0:
                bar.set_postfix(loss=f"{losses[step + 1 - _SHOWN : step + 1].mean():.4g}", refresh=False)
    return losses


def as_rows(images: np.ndarray, shape: tuple[int, int]) -> torch.Tensor:
    """Return images (n, h, w) of this shape as float32 rows (n, h w); ValueError for other shapes."""
    found = np.asarray(images)
    if found.ndim != 3 or found.shape[1:] != shape:
        raise ValueError(f"images must have shape (n, {shape[0]}, {shape[1]}); got {found.shape}")
    return torch.from_numpy(np.ascontiguousarray(found, dtype=np.float32).reshape(len(found), -1))

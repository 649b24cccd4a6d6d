"""Training: Adam on the denoising loss, the same bits for the same seed, interrupted or not."""

from __future__ import annotations

import math
import os
import pathlib
from typing import Any

import numpy as np
import torch

from .. import arrays
from ..arrays import FloatArray
from ..callbacks import call
from . import checkpoints
from .batches import Batches, described
from .interruption import Interrupts
from .losses import batch_loss, weight_function
from .score_network import ScoreNetwork

__all__ = ["train"]

#: Steps over which the progress bar averages the loss.
_SHOWN = 100


def train(
    network: ScoreNetwork,
    data: Any,
    times: Any,
    steps: int,
    *,
    batch_size: int = 256,
    learning_rate: Any = 1e-3,
    weight: Any = None,
    rng: Any = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int = 1000,
    progress: bool = False,
) -> FloatArray:
    """Train a network in place by Adam on its `denoising_loss`, with a new batch of (X_0, t, xi) at every step.

    Reproducible: all draws come from `rng`, so that the network, its seed, `rng`, data and settings fix the weights bit
    by bit on one machine with one number of torch threads, whatever else draws random numbers.  (A module that draws
    some itself, such as dropout, does so from torch's global generator, outside this promise.)

    With `checkpoint`, the state (weights, moments of Adam, generator, losses) is written there every `checkpoint_every`
    steps, at the end, and when training is interrupted: by Ctrl-C, which waits for the end of the step, or by an
    exception before the weights are changed, say in a function that draws times.  The file is replaced as a whole.
    The same call goes on from the file if there is one, to the same bits as without interruption; `steps` may be more,
    a file that has done them all is only loaded.  A file of other settings, data, seed or network is refused.
    Without `checkpoint` an interrupted network keeps the weights of its last whole step.

    Parameters
    ----------
    network : with its process and target.
    data : a measure, whose sampler draws X_0, or points (N, d), whose rows are drawn with replacement.
    times : law of t: `LogUniformTimes`, `UniformTimes`, `GridTimes`, a grid (k,), or a function (n, rng) -> (n,).
    steps : in all, those before a resumption included.
    batch_size : n, draws a step.
    learning_rate : of Adam, a number or a function of the step 0, 1, ...
    weight : lambda, as in `denoising_loss`; None makes the losses of the three targets equivalent.
    rng : a seed or a numpy Generator.
    checkpoint : path of a file.
    checkpoint_every : steps between two writes.
    progress : show a bar, with the mean loss of the last 100 steps.

    Returns
    -------
    losses : of all steps, shape (steps,).

    Raises
    ------
    ValueError, TypeError : arguments that do not fit, a checkpoint of another training, a loss that is not finite.
    KeyboardInterrupt : after the checkpoint is written.
    """
    if not isinstance(network, ScoreNetwork):
        raise TypeError(f"network must be a ScoreNetwork; got {type(network).__name__}")
    steps, every = arrays.count("steps", steps), arrays.count("checkpoint_every", checkpoint_every, 1)
    progress = arrays.flag("progress", progress)
    size = arrays.count("batch_size", batch_size, 1)
    batches = Batches(data, times, network.process, size, network.ambient_dimension, rng)
    run = _Run(network, batches, weight, learning_rate)
    file = None if checkpoint is None else _File(pathlib.Path(checkpoint), run, steps)
    begun = len(run.losses)
    with Interrupts() as interrupts, _bar(progress, steps, begun) as bar:
        while (done := len(run.losses)) < steps:
            try:
                run.step()
            finally:
                failed = len(run.losses) == done
                if failed and run.rewind() and done > begun and file is not None:
                    file.save()
            done += 1
            if file is not None and (done % every == 0 or done == steps or interrupts.pending):
                file.save()
            bar.update()
            if progress and done % _SHOWN == 0:
                bar.set_postfix(loss=f"{np.mean(run.losses[-_SHOWN:]):.4g}", refresh=False)
            interrupts.deliver()
    return np.array(run.losses)


class _Run:
    """A training run between two steps: weights, moments of Adam, generator, losses."""

    def __init__(self, network: ScoreNetwork, batches: Batches, weight: Any, learning_rate: Any) -> None:
        self.module = network.module
        self._process, self._target, self._batches = network.process, network.target, batches
        self._weight = weight_function(weight, network.target, network.process)
        if not callable(learning_rate):
            learning_rate = arrays.positive("learning_rate", learning_rate)
        self._rate = learning_rate
        parameters = list(self.module.parameters())
        if not parameters:
            raise ValueError("network has no parameters to train")
        # One pass over each weight instead of ten, where torch has it: a quarter of the time of a small network.
        fused = all(each.device.type in {"cpu", "cuda"} for each in parameters)
        self._optimizer = torch.optim.Adam(parameters, fused=fused)
        self._settings = {"weight": described(weight), "learning_rate": described(learning_rate)}
        self._draws, self._changing = batches.state(), False
        #: The loss of each step so far.
        self.losses: list[float] = []

    def step(self) -> None:
        """Draw a batch and change the weights."""
        self._draws = self._batches.state()
        clean, t, noise = self._batches.draw()
        rate = self._rate
        if callable(rate):
            rate = arrays.positive("learning_rate", call("learning_rate", rate, len(self.losses)))
        self._optimizer.zero_grad()
        with torch.enable_grad():
            loss = batch_loss(self.module, clean, noise, t, self._process, self._target, self._weight)
            loss.backward()
        value = loss.item()
        if not math.isfinite(value):
            raise ValueError(
                f"loss must be finite; it is {value} at step {len(self.losses)}: a smaller learning_rate may help"
            )
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._changing = True
        self._optimizer.step()
        self.losses.append(value)
        self._changing = False

    def rewind(self) -> bool:
        """Give back the draws of a step that failed; False if it has begun to change the weights."""
        if not self._changing:
            self._batches.restore(self._draws)
        return not self._changing

    def settings(self) -> dict[str, str]:
        """Return everything that decides what a step does, as texts."""
        network = {"process": described(self._process), "target": self._target}
        return network | self._batches.settings() | self._settings

    def state(self) -> dict[str, Any]:
        """Return what the next steps depend on."""
        return {
            "module": self.module.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "draws": self._batches.state(),
            "losses": torch.tensor(self.losses, dtype=torch.float64),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.module.load_state_dict(state["module"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._batches.restore(state["draws"])
        self.losses = state["losses"].tolist()


class _File:
    """The checkpoint of a run, which is continued from it."""

    def __init__(self, path: pathlib.Path, run: _Run, steps: int) -> None:
        if not path.parent.is_dir():
            raise ValueError(f"checkpoint must lie in a folder that exists; got {path}")
        self._path, self._run, self._settings = path, run, run.settings()
        self._start = checkpoints.digest(run.module.state_dict())
        state = checkpoints.read(path)
        if state is not None:
            checkpoints.require_same(path, state, self._settings, self._start)
            if len(state["losses"]) > steps:
                raise ValueError(f"steps must be at least {len(state['losses'])}, which {path} has done; got {steps}")
            self._start = state["start"]
            run.load(state)

    def save(self) -> None:
        state = {"settings": self._settings, "start": self._start, **self._run.state()}
        checkpoints.write(self._path, state)


def _bar(progress: bool, steps: int, done: int) -> Any:
    from tqdm.auto import tqdm

    return tqdm(total=steps, initial=done, desc="training", unit="step", disable=not progress)

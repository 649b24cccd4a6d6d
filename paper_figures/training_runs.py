"""Networks trained on the three targets of [LWB], several seeds each, and their exact errors.

Figures 1 to 4 and the ablation share them.  Needs torch; nothing here imports it before a run begins.
"""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

import manifold_scores as ms

from .workers import in_processes

TARGETS = ("cem", "sgm", "ddpm")
QUANTITIES = ("f", "S", "eps")
T_MIN, T_MAX = 1e-3, 10.0
FINAL = (1.0, 0.1, 0.01, 0.001)
POINT = (1.0, -0.1)
SEED = 20260406
BATCH = 256
FIRST_RATE, LAST_RATE = 3e-3, 3e-5
FAR = 3.0  # pollution: farther than FAR sigma_min from M
DRAWN = 50_000  # clean points of the law on the curve, from which batches are drawn
HIDDEN = {"line": (16, 16), "curve": (64, 64, 64)}


@dataclass(frozen=True)
class Decay:
    """Learning rate that falls geometrically from FIRST_RATE to LAST_RATE over so many steps."""

    steps: int

    def __call__(self, step: int) -> float:
        return FIRST_RATE * float((LAST_RATE / FIRST_RATE) ** (step / self.steps))


@dataclass(frozen=True)
class Size:
    """How much is computed: seeds, steps of training, points a time, samples and steps of the reverse SDE."""

    seeds: int
    steps: int
    points: int
    samples: int
    sampler_steps: int


@dataclass(frozen=True)
class Setting:
    """What the ablation varies: the law of times, the weight (None: the default of the target), the input for t."""

    schedule: str = "log-uniform"
    weight: str | None = None
    time_input: str = "time"


def curve() -> ms.LimaBean:
    """The curve of figures 3 and 4."""
    return ms.LimaBean()


def law(name: str) -> ms.NoisedMeasure:
    """The exact answer: "line", N(0, 1) on the first axis of the plane, or "curve", uniform on the lima bean."""
    measure = ms.Gaussian([0.0, 0.0], [[1.0, 0.0], [0.0, 0.0]]) if name == "line" else curve().uniform()
    return ms.NoisedMeasure(measure, ms.OrnsteinUhlenbeck(rate=0.5))


def error_times() -> np.ndarray:
    """17 times from T_MIN to T_MAX, four a decade; FINAL among them."""
    return np.geomspace(T_MIN, T_MAX, 17)


def sampling_times(steps: int) -> np.ndarray:
    """Geometric times from T_MAX to T_MIN, then 0."""
    return np.append(ms.geometric_times(T_MIN, T_MAX, steps), 0.0)


def sigma_min() -> float:
    """The noise at T_MIN."""
    return float(np.sqrt(ms.OrnsteinUhlenbeck(rate=0.5).noise_variance(T_MIN)))


def one_run(name: str, target: str, seed: int, size: Size, setting: Setting) -> dict[str, np.ndarray]:
    """Train one network and judge it.

    Returns
    -------
    loss (20,) : means over twentieths of the training.
    l2 (3, T) : errors of f, S and eps in L2(p_t); components (3, T, 2) : along M and normal to it, at the foot of
        x/alpha; at_point (3, T, 2) : differences at POINT.
    samples (n, 2), distance (n,) to M : of the reverse SDE; pollution () : share farther than FAR sigma_min.
    seconds () : processor time of the training.
    """
    from manifold_scores import networks

    noised = law(name)
    drawn = np.random.default_rng(SEED)  # the same for all networks
    data: Any = noised.measure if name == "line" else noised.measure.sample(DRAWN, drawn)
    times = {"log-uniform": networks.LogUniformTimes, "uniform": networks.UniformTimes}[setting.schedule]
    module = networks.MLP(2, HIDDEN[name], time_input=setting.time_input, seed=seed)
    network = networks.ScoreNetwork(module, noised.process, target)
    found = trained(network, data, times(T_MIN, T_MAX), size.steps, BATCH, seed, setting.weight)
    found |= errors(network, name, size.points)
    samples: Any = ms.reverse_sde(network, sampling_times(size.sampler_steps), size.samples, SEED)
    return found | polluted(samples, name)


def trained(
    network: Any, data: Any, times: Any, steps: int, batch: int, seed: int, weight: str | None = None
) -> dict[str, np.ndarray]:
    """Train a network in place; return loss and seconds of `one_run`."""
    from manifold_scores import networks

    start = time.process_time()
    losses = networks.train(
        network, data, times, steps, batch_size=batch, learning_rate=Decay(steps), weight=weight, rng=SEED + seed
    )
    seconds = time.process_time() - start
    return {"seconds": np.array(seconds), "loss": np.array([part.mean() for part in np.array_split(losses, 20)])}


def errors(model: Any, name: str, n: int) -> dict[str, np.ndarray]:
    """Return l2, components and at_point of `one_run` for any model, from n points x ~ p_t a time."""
    noised, grid = law(name), error_times()
    judged = ms.evaluate(model, noised, grid, n=n, rng=SEED, points=[POINT])
    records = (judged.posterior_mean, judged.score, judged.noise)
    if name == "line":
        components = np.stack([record.component_absolute for record in records])
    else:
        rng = np.random.default_rng(SEED)
        along = np.stack([_along(model, noised, float(t), n, rng) for t in grid])
        alpha, variance = noised.process.signal_scale(grid), noised.process.noise_variance(grid)
        factors = np.stack([np.ones_like(grid), alpha / variance, alpha / np.sqrt(variance)])  # exact: see `convert`
        components = factors[:, :, None] * along
    return {
        "l2": np.stack([record.absolute for record in records]),
        "l2_error": np.stack([record.absolute_error for record in records]),
        "components": components,
        "at_point": np.stack([record.at_points[:, 0] for record in records]),
    }


def _along(model: Any, noised: ms.NoisedMeasure, t: float, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return the errors of f in L2(p_t) along the tangent and the normal of the curve at the foot of x/alpha, (2,)."""
    x = noised.sample(n, t, rng)
    difference = model.posterior_mean(x, t) - noised.posterior_mean(x, t)
    tangent = np.asarray(curve().tangent_basis(curve().project(x / noised.process.signal_scale(t)))).reshape(n, 2)
    first = (difference * tangent).sum(axis=1)
    second = difference[:, 0] * tangent[:, 1] - difference[:, 1] * tangent[:, 0]
    return np.sqrt(np.mean([first**2, second**2], axis=1))


def polluted(samples: np.ndarray, name: str) -> dict[str, np.ndarray]:
    """Return samples, their distances to M and the share of them that is far."""
    distance = np.abs(samples[:, 1]) if name == "line" else np.asarray(curve().distance(samples))
    share = np.array((distance > FAR * sigma_min()).mean())
    return {"samples": samples, "distance": distance, "pollution": share}


def oracle(name: str, size: Size) -> dict[str, np.ndarray]:
    """Return samples, distances and pollution of the exact score, with the same sampler from the same noise."""
    samples: Any = ms.reverse_sde(law(name), sampling_times(size.sampler_steps), size.samples, SEED)
    return polluted(samples, name)


def size_of(quick: bool) -> dict[str, Size]:
    """Return the sizes for the line, the curve and the ablation."""
    if quick:
        return {name: Size(2, 60, 100, 100, 20) for name in ("line", "curve", "ablation")}
    return {
        "line": Size(5, 10_000, 2000, 2000, 200),
        "curve": Size(5, 12_000, 1000, 2000, 200),
        "ablation": Size(5, 3000, 2000, 2000, 200),
    }


@functools.cache
def target_runs(name: str, quick: bool) -> dict[str, np.ndarray]:
    """Train all targets with all seeds on one law; arrays of `one_run` with (target, seed) in front."""
    size = size_of(quick)[name]
    tasks: list[tuple[Any, ...]] = [
        (one_run, name, target, seed, size, Setting()) for target in TARGETS for seed in range(size.seeds)
    ]
    *rows, exact = in_processes([*tasks, (oracle, name, size)], f"networks, {name}")
    data = stacked(rows, (len(TARGETS), size.seeds))
    data |= {f"oracle_{key}": value for key, value in exact.items()}
    return data | described(name, size) | truth(name, size.points)


def stacked(rows: list[dict[str, np.ndarray]], shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Return the arrays of all rows together, with the axes `shape` in front."""
    return {key: np.stack([row[key] for row in rows]).reshape(*shape, *rows[0][key].shape) for key in rows[0]}


def typical(values: np.ndarray) -> np.ndarray:
    """Return the seed of the median, the lower one of an even number, of values (targets, seeds, ...)."""
    return np.argsort(values, axis=1, kind="stable")[:, (values.shape[1] - 1) // 2]


def described(name: str, size: Size) -> dict[str, np.ndarray]:
    """Return what was computed, as arrays."""
    return {
        "times": error_times(),
        "final_times": np.array(FINAL),
        "steps": np.array(size.steps),
        "points": np.array(size.points),
        "sampler_steps": np.array(size.sampler_steps),
        "hidden": np.array(HIDDEN[name]),
        "sigma_min": np.array(sigma_min()),
        "point": np.array(POINT),
    }


def truth(name: str, n: int) -> dict[str, np.ndarray]:
    """Return the sizes of the exact targets in L2(p_t), (3, T): what the error of a network that says 0 would be."""
    noised = law(name)
    sizes = []
    for t in error_times().tolist():
        x = noised.sample(n, t, SEED)
        exact = (noised.posterior_mean(x, t), noised.score(x, t), noised.noise(x, t))
        sizes.append([np.sqrt((each**2).sum(axis=1).mean()) for each in exact])
    return {"truth": np.array(sizes).T}

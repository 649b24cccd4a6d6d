"""The job behind Figure 1 of [FPHDP]: 5000 samples in 100 steps with a smoothed score of thirty points."""

from __future__ import annotations

import importlib.util
import time

import numpy as np

import manifold_scores as ms

from . import smoothing_peers as peers
from .clouds import take_turns
from .record import OURS, Case, Goal, Lane, Race, Setting
from .workloads import Array

FASTER = 20.0
POINTS, BANDWIDTH, SAMPLES, STEPS = 30, 0.07, 5000, 100
KERNEL_SAMPLES = 200
#: Of one Sobol sequence; 16 batches of 13 plain draws.
NODES, PLAIN = (32, 64), 208
LATEST, EARLIEST = 4.0, 1e-6
#: Times at which kernels are compared, and steps that the slow lanes do; all steps cost the same.
CHECKED = (1e-6, 1e-4, 1e-2, 1.0)
PART = 5
REFERENCE = 2**16


def curve_points() -> Array:
    """Thirty points of the wavy circle, from a fixed seed."""
    angle = np.random.default_rng(5).uniform(0.0, 2.0 * np.pi, POINTS)
    radius = 1.0 + 0.13 * np.cos(8.0 * angle)
    return np.asarray(radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1))


def _errors(points: Array, models: dict[str, ms.SmoothedScore], samples: int, reference: int) -> dict[str, float]:
    """Root mean square over times and queries of the error of x + t s_k(x, t), the point to which x moves."""
    rng, wrong = np.random.default_rng(1), {name: [] for name in [*models, "plain"]}
    nodes = BANDWIDTH * peers.normals(2, reference, 0)
    for t in CHECKED:
        x = points[rng.integers(POINTS, size=40)] + np.sqrt(max(t, 1e-3)) * rng.standard_normal((40, 2))
        truth, spread = peers.posterior_means(points, x, t, nodes)
        for name, model in models.items():
            wrong[name].append(peers.rms(model.posterior_mean(x, t) - truth))
        wrong["plain"].append(float(np.sqrt((spread**2).mean() / samples)))
    return {name: float(np.sqrt(np.mean(np.square(values)))) for name, values in wrong.items()}


def run(setting: Setting) -> list[Case]:
    """One case; seconds are those of the whole job, measured on some of its steps for jax."""
    count, reference = (50, 2**10) if setting.tiny else (SAMPLES, REFERENCE)
    points = curve_points()
    times = np.append(ms.geometric_times(EARLIEST, LATEST, STEPS), 0.0)
    noised = ms.NoisedMeasure(ms.PointCloud(points), ms.BrownianMotion())
    kernel = ms.GaussianKernel(BANDWIDTH)
    names = {n: f"{OURS}, {n} Sobol nodes" if n != NODES[0] else OURS for n in NODES}
    models = {
        names[n]: ms.SmoothedScore(noised, ms.SampledKernel(BANDWIDTH * peers.normals(2, n, n))) for n in NODES
    }  # fmt: skip
    models[f"{OURS}, Monte Carlo"] = ms.SmoothedScore(noised, kernel, "monte-carlo", PLAIN, rng=2)
    found = _errors(points, models, KERNEL_SAMPLES, reference)
    lanes, calls = [], []
    for name, model in models.items():

        def job(model: ms.SmoothedScore = model) -> object:
            return ms.reverse_sde(model, times, count, rng=3, method="euler-maruyama")

        lane = Lane(name, error=found[name], typical=found[name])
        lane.extra = {"out_of_competition": name != OURS, "nodes": model.nodes or len(model.kernel.support)}
        lanes.append(lane)
        calls.append((lane, job))
    public = Lane("public recipe, jax", work=PART / STEPS, error=found["plain"], typical=found["plain"])
    public.extra = {"nodes": KERNEL_SAMPLES}
    lanes.append(public)
    if importlib.util.find_spec("jax") is None:
        public.absent = "not installed"
    else:
        some = np.append(times[:: STEPS // PART][:PART], 0.0)
        calls.append((public, peers.jax_sampler(points, BANDWIDTH, KERNEL_SAMPLES, some, count)))
    for lane, call in calls:
        start = time.perf_counter()
        call()
        lane.first = time.perf_counter() - start
        setting.tick(lane.name)
    take_turns(calls, min(3, setting.repeats))
    case = Case("30 points, 5000 samples, 100 steps", {"N": POINTS, "d": 2, "h": BANDWIDTH, "samples": count}, lanes)
    equal = [lane for lane in lanes if lane.name.startswith(OURS) and lane.error <= found["plain"]]
    fastest = min(equal, key=lambda lane: lane.median, default=None)
    ratio = public.median / fastest.median if fastest is not None else float("nan")
    how = "none" if fastest is None else f"{fastest.extra['nodes']} nodes"
    case.goals.append(Goal(f"times as fast as the public recipe at its accuracy ({how})", ratio, FASTER))
    return [case]


RACE = Race(
    "smoothing-figure-1", "[FPHDP] Figure 1: 30 points, 100 steps, 5000 samples, 200 kernel samples", run, unit="s",
    scale=1.0, error="root mean square error of x + t s_k(x, t)", work_precision=True,
)  # fmt: skip

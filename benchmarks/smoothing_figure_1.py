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
FEWER_SAMPLES = 50
#: Of one Sobol sequence, the first of them at about the accuracy of 200 plain draws; 16 batches of plain draws.
NODES, PLAIN = (32, 16, 64, 128), (208, 832)
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


def _errors(points: Array, models: list[ms.SmoothedScore], reference: int) -> tuple[list[float], float]:
    """Return errors of x + t s_k(x, t), the point to which x moves, root mean square over times and queries.

    Also the spread of single draws of it, without the part that has mean zero: fresh plain draws are no better than
    that over the root of their number.
    """
    rng, wrong, spreads = np.random.default_rng(1), [[] for _ in models], []
    nodes = BANDWIDTH * peers.normals(2, reference, 0)
    for t in CHECKED:
        x = points[rng.integers(POINTS, size=40)] + np.sqrt(max(t, 1e-3)) * rng.standard_normal((40, 2))
        truth, spread = peers.posterior_means(points, x, t, nodes)
        for model, errors in zip(models, wrong, strict=True):
            errors.append(peers.rms(model.posterior_mean(x, t) - truth))
        spreads.append(spread)
    return [float(np.sqrt(np.mean(np.square(errors)))) for errors in wrong], float(np.sqrt(np.square(spreads).mean()))


def run(setting: Setting) -> list[Case]:
    """One case; seconds are those of the whole job, measured on some of its steps for jax."""
    count, reference = (50, 2**10) if setting.tiny else (SAMPLES, REFERENCE)
    points = curve_points()
    times = np.append(ms.geometric_times(EARLIEST, LATEST, STEPS), 0.0)
    noised = ms.NoisedMeasure(ms.PointCloud(points), ms.BrownianMotion())
    kernel = ms.GaussianKernel(BANDWIDTH)
    sobol = [ms.SmoothedScore(noised, ms.SampledKernel(BANDWIDTH * peers.normals(2, n, n))) for n in NODES]
    plain = [ms.SmoothedScore(noised, kernel, "monte-carlo", n, rng=2) for n in PLAIN]
    errors, spread = _errors(points, [*sobol, *plain], reference)
    lanes, calls = [], []
    kinds = [("Sobol nodes", n) for n in NODES] + [("plain nodes", n) for n in PLAIN]
    for (kind, n), model, error in zip(kinds, [*sobol, *plain], errors, strict=True):

        def job(model: ms.SmoothedScore = model) -> object:
            return ms.reverse_sde(model, times, count, rng=3, method="euler-maruyama")

        lane = Lane(f"{OURS}, {n} {kind}" if lanes else OURS, error=error, typical=error)
        lane.extra = {"out_of_competition": bool(lanes), "nodes": n, "series": f"{OURS}, {kind}"}
        lanes.append(lane)
        calls.append((lane, job))
    some = np.append(times[:: STEPS // PART][:PART], 0.0)
    for n in (KERNEL_SAMPLES, FEWER_SAMPLES):
        lane = Lane(f"public recipe, jax, {n} samples", work=PART / STEPS, error=spread / n**0.5)
        lane.typical, lane.extra = lane.error, {"nodes": n, "series": "public recipe, jax"}
        lane.extra["out_of_competition"] = n != KERNEL_SAMPLES
        lanes.append(lane)
        if importlib.util.find_spec("jax") is None:
            lane.absent = "not installed"
        else:
            calls.append((lane, peers.jax_sampler(points, BANDWIDTH, n, some, count)))
    for lane, call in calls:
        start = time.perf_counter()
        call()
        lane.first = time.perf_counter() - start
        setting.tick(lane.name)
    take_turns(calls, min(3, setting.repeats))
    case = Case("30 points, 5000 samples, 100 steps", {"N": POINTS, "d": 2, "h": BANDWIDTH, "samples": count}, lanes)
    public = case.lane(f"public recipe, jax, {KERNEL_SAMPLES} samples")
    equal = [lane for lane in lanes if lane.name.startswith(OURS) and lane.error <= public.error]
    fastest = min(equal, key=lambda lane: lane.median, default=None)
    ratio = public.median / fastest.median if fastest is not None else float("nan")
    how = "none" if fastest is None else f"{fastest.extra['nodes']} nodes"
    case.goals.append(Goal(f"times as fast as the public recipe at its accuracy ({how})", ratio, FASTER))
    return [case]


RACE = Race(
    "smoothing-figure-1", "[FPHDP] Figure 1: 30 points, 100 steps, 5000 samples, 200 kernel samples", run, unit="s",
    scale=1.0, error="root mean square error of x + t s_k(x, t)", work_precision=True,
)  # fmt: skip

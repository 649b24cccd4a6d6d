"""One smoothed score of sixteen images of 4096 pixels, as in the bump experiments of [FPHDP]."""

from __future__ import annotations

import importlib.util
import time

import numpy as np

import manifold_scores as ms

from . import smoothing_peers as peers
from .clouds import take_turns
from .record import OURS, Case, Goal, Lane, Race, Setting
from .workloads import Array

FASTER = 10_000.0
IMAGES, PIXELS, WIDTH = 16, 64, 0.2
BANDWIDTH, TIMES, KERNEL_SAMPLES, CHUNK = 1.0, (0.1, 1.0, 4.0), 50_000, 500
#: Numbers of Sobol nodes to choose from, queries compared, nodes of the reference.
NODES = tuple(2**k for k in range(10, 18))
COMPARED, REFERENCE = 12, 2**18


def images(pixels: int) -> Array:
    """Bumps with centres on a circle of radius 1/2 in [-1, 1]^2, (16, pixels^2)."""
    line, angle = np.linspace(-1.0, 1.0, pixels), 2.0 * np.pi * np.arange(IMAGES) / IMAGES
    across, down = (
        np.exp(-0.5 * ((line - 0.5 * c[:, None]) / WIDTH) ** 2) for c in (np.cos(angle), np.sin(angle))
    )  # fmt: skip
    return np.asarray((across[:, :, None] * down[:, None, :]).reshape(IMAGES, -1))


def run(setting: Setting) -> list[Case]:
    """Several times t; seconds are those of one score; the peer's do not depend on t and are measured once."""
    pixels, samples, reference = (8, 500, 2**12) if setting.tiny else (PIXELS, KERNEL_SAMPLES, REFERENCE)
    sizes = NODES[:3] if setting.tiny else NODES
    points = images(pixels)
    noised = ms.NoisedMeasure(ms.PointCloud(points), ms.BrownianMotion())
    kernel = ms.GaussianKernel(BANDWIDTH)
    plain = ms.SmoothedScore(noised, kernel, "monte-carlo", samples, rng=2)
    models = {n: ms.SmoothedScore(noised, kernel, "qmc", n, rng=3) for n in sizes}
    # The reference works in coordinates of the hull, found by a singular value decomposition.
    origin = points.mean(axis=0)
    basis = np.linalg.svd(points - origin, full_matrices=False)[2][: IMAGES - 1].T
    shifts = BANDWIDTH * peers.normals(IMAGES - 1, reference, 0)
    public = _public(points, samples, setting)
    cases = []
    for t in TIMES:
        rng = np.random.default_rng(1)
        x = points[rng.integers(IMAGES, size=COMPARED)] + np.sqrt(t) * rng.standard_normal((COMPARED, pixels**2))
        truth, spread = peers.posterior_means((points - origin) @ basis, (x - origin) @ basis, t, shifts)
        expected = float(np.sqrt((spread**2).mean() / samples))
        wrong = {n: _error(model, x, t, truth, origin, basis) for n, model in models.items()}
        chosen = next((n for n in sizes if wrong[n] <= expected), sizes[-1])
        lanes = [Lane(OURS, error=wrong[chosen], typical=wrong[chosen], extra={"nodes": chosen})]
        lanes.append(Lane(f"{OURS}, Monte Carlo", error=_error(plain, x, t, truth, origin, basis)))
        lanes[1].extra = {"nodes": plain.nodes, "out_of_competition": True}
        chain = [plain]
        for n in sizes[::2]:
            lane = Lane(f"{OURS}, {n} Sobol nodes", error=wrong[n], typical=wrong[n])
            lane.extra = {"nodes": n, "out_of_competition": True, "series": f"{OURS}, Sobol nodes"}
            lanes.append(lane)
            chain.append(models[n])
        calls = [
            (lane, lambda model=model, x=x, t=t: model.score(x[0], t))
            for lane, model in zip(lanes, (models[chosen], *chain), strict=True)
        ]
        for lane, call in calls:
            start = time.perf_counter()
            call()
            lane.first = time.perf_counter() - start
        take_turns(calls, 2 if setting.tiny else 20)
        for lane in public:
            peer = Lane(lane.name, lane.seconds, error=expected, typical=expected, first=lane.first, absent=lane.absent)
            peer.extra = {"nodes": samples}
            lanes.append(peer)
        case = Case(f"t = {t:g}", {"N": IMAGES, "d": pixels**2, "h": BANDWIDTH, "t": t}, lanes)
        # As many plain nodes are as accurate as plain draws by themselves; Sobol nodes have to show it.
        equal = [lanes[1]] + ([lanes[0]] if wrong[chosen] <= expected else [])
        fastest = min(equal, key=lambda lane: lane.median)
        how = f"at its accuracy ({fastest.extra['nodes']} nodes)"
        for lane, what in zip(public, ("the public recipe", "the same in chunks"), strict=True):
            ratio = lane.median / fastest.median
            case.goals.append(Goal(f"times as fast as {what}, {how}", ratio, FASTER))
        cases.append(case)
        setting.tick(case.name)
    return cases


def _error(model: ms.SmoothedScore, x: Array, t: float, truth: Array, origin: Array, basis: Array) -> float:
    return peers.rms((model.posterior_mean(x, t) - origin) @ basis - truth)


def _public(points: Array, samples: int, setting: Setting) -> list[Lane]:
    """Time the recipe as it is, all displacements at once, and in chunks that stay in the cache."""
    lanes = [Lane("public recipe, jax"), Lane("public recipe, jax, in chunks")]
    for lane, chunk in zip(lanes, (None, CHUNK), strict=True):
        if importlib.util.find_spec("jax") is None:
            lane.absent = "not installed"
            continue
        import jax

        score = jax.jit(peers.jax_smoothed(points, BANDWIDTH, samples, chunk))
        x = jax.numpy.asarray(points[0], dtype=jax.numpy.float32)
        for repeat in range(2 if setting.repeats < 5 else 3):
            start = time.perf_counter()
            score(x, 1.0, jax.random.PRNGKey(repeat)).block_until_ready()
            elapsed = time.perf_counter() - start
            setting.tick(lane.name)
            if repeat == 0:
                lane.first = elapsed
            else:
                lane.seconds.append(elapsed)
    return lanes


RACE = Race(
    "smoothing-bump", "[FPHDP] bumps: one smoothed score of 16 images of 4096 pixels, 50 000 kernel samples", run,
    unit="ms per score", scale=1e3, error="root mean square error of x + t s_k(x, t)", work_precision=True,
)  # fmt: skip

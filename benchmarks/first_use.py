"""Import and first call, with compiled kernels on disk and without, beside those of other libraries."""

from __future__ import annotations

import importlib.util
import math
import tempfile

from .record import OURS, Case, Goal, Lane, Race, Setting
from .subprocesses import answer

IMPORT, CACHED, COLD = 0.25, 1.0, 5.0

_SCRIPT = """
import importlib
start = time.perf_counter()
importlib.import_module(arguments[0])
imported = time.perf_counter() - start
import numpy as np
x, y = np.zeros((3, 2)), np.arange(20.0).reshape(10, 2)
start = time.perf_counter()
exec(arguments[1])
print(json.dumps({"import": imported, "first": time.perf_counter() - start}))
"""

_CALLS = {
    OURS: ("manifold_scores", "import manifold_scores as ms\nms.PointCloud(y).tilt(x, 1.0)"),
    "numpy": ("numpy", "np.exp(x @ y.T) @ y"),
    "torch": ("torch", "import torch\ntorch.softmax(torch.tensor(x) @ torch.tensor(y).T, 1) @ torch.tensor(y)"),
    "jax": ("jax", "import jax\njax.jit(lambda x, y: jax.nn.softmax(x @ y.T) @ y)(x, y).block_until_ready()"),
}


def run(setting: Setting) -> list[Case]:
    """Every lane in fresh processes, one of each in turn."""
    repeats = 1 if setting.tiny else setting.repeats
    imports, cached = [Lane(name) for name in _CALLS], [Lane(name) for name in _CALLS]
    for lane, (module, _) in zip(imports + cached, [*_CALLS.values()] * 2, strict=True):
        lane.absent = None if importlib.util.find_spec(module) is not None else "not installed"
    for _ in range(repeats + 1):  # the first fills the caches
        for before, lane, (module, call) in zip(imports, cached, _CALLS.values(), strict=True):
            if lane.absent is None:
                found = answer(_SCRIPT, [module, call])
                before.seconds.append(found["import"])
                lane.seconds.append(found["first"])
                setting.tick(lane.name)
    for lane in imports + cached:
        lane.seconds = lane.seconds[1:]
    cold = Lane(OURS)
    cold.absent = "left out at tiny sizes" if setting.tiny else None
    for _ in range(0 if setting.tiny else 3):
        with tempfile.TemporaryDirectory() as folder:
            cold.seconds.append(answer(_SCRIPT, list(_CALLS[OURS]), NUMBA_CACHE_DIR=folder)["first"])
        setting.tick("without a cache")
    cases = [Case("import", {}, imports), Case("first call, kernels on disk", {}, cached),
             Case("first call, everything compiled", {}, [cold])]  # fmt: skip
    for case, most in zip(cases, (IMPORT, CACHED, COLD), strict=True):
        lane = case.lane(OURS)
        measured = lane.median if lane.seconds else math.nan
        case.goals.append(Goal(f"seconds: {case.name}", measured, most, at_most=True))
    return cases


RACE = Race("first-use", "import and first call in a fresh process", run, unit="s", scale=1.0)

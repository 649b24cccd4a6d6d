"""Networks and their training; without torch all that can be asked is to enter the room."""

import importlib
import importlib.util
import pathlib
import sys
import tempfile
from unittest import mock

import numpy as np

import manifold_scores as ms

OU = ms.OrnsteinUhlenbeck()
POINTS = np.array([[0.0, 1.0], [2.0, -1.0]])


def enter_without_torch():
    hidden = {name: None for name in sys.modules if name.split(".")[0] == "torch"} | {"torch": None}
    with mock.patch.dict(sys.modules, hidden):
        sys.modules.pop("manifold_scores.networks", None)
        importlib.import_module("manifold_scores.networks")


CASES = [
    (
        "no torch",
        enter_without_torch,
        ImportError,
        r'manifold_scores\.networks needs torch: pip install "manifold-scores\[torch\]"',
    )
]

if importlib.util.find_spec("torch") is not None:
    import torch

    from manifold_scores import networks

    TIMES = networks.LogUniformTimes(0.01, 1.0)

    def network(seed=0, target="cem", hidden=(3,)):
        return networks.ScoreNetwork(networks.MLP(2, hidden, seed=seed), OU, target)

    def train(steps=1, model=None, data=POINTS, times=TIMES, **options):
        return networks.train(network() if model is None else model, data, times, steps, **options)

    def loss(module=None, clean=POINTS, noise=POINTS, t=(0.1, 0.2), **options):
        module = networks.MLP(2, (3,)) if module is None else module
        return networks.denoising_loss(module, clean, noise, t, OU, **({"target": "cem"} | options))

    def with_file(call, content=None):
        """Call with the path of a file: that of a training of two steps with seed 0, or with other content."""

        def case():
            with tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder) / "a.pt"
                if content is None:
                    train(2, rng=0, checkpoint=path)
                elif isinstance(content, bytes):
                    path.write_bytes(content)
                else:
                    torch.save(content, path)
                return call(path)

        return case

    class Short(torch.nn.Module):
        """A module that forgets a coordinate."""

        def forward(self, x, t):
            return x[:, 1:]

    CASES += [
        # Predictions
        (
            "unknown prediction",
            lambda: networks.convert(POINTS, POINTS, 0.1, OU, given="vlb", wanted="cem"),
            ValueError,
            r"given must be one of \['cem', 'sgm', 'ddpm'\]; got 'vlb'",
        ),
        (
            "time of a prediction",
            lambda: networks.convert(POINTS, POINTS, 0.0, OU, given="sgm", wanted="cem"),
            ValueError,
            r"t must be positive and finite; got 0\.0",
        ),
        (
            "unknown regression target",
            lambda: networks.regression_target("f", POINTS, POINTS, 0.1, OU),
            ValueError,
            r"target must be one of \['cem', 'sgm', 'ddpm'\]; got 'f'",
        ),
        # Laws of times
        (
            "times of training upside down",
            lambda: networks.LogUniformTimes(1.0, 0.1),
            ValueError,
            r"t_min must be below t_max = 0\.1; got 1\.0",
        ),
        ("grid of zeros", lambda: networks.GridTimes([0.0]), ValueError, "times must hold at least one positive time"),
        (
            "law of times with too few",
            lambda: train(times=lambda n, rng: np.ones(3)),
            ValueError,
            r"times must return shape \(256,\); got \(3,\)",
        ),
        (
            "law of times with too few arguments",
            lambda: train(times=lambda n: [0.5] * n),
            TypeError,
            r"times must be a function of 2 argument\(s\): too many positional arguments",
        ),
        # Losses
        (
            "unknown weight",
            lambda: loss(weight="big"),
            ValueError,
            r"weight must be one of \['uniform', 'snr', 'variance'\]; got 'big'",
        ),
        (
            "weight of another shape",
            lambda: loss(weight=lambda t: np.ones(3)),
            ValueError,
            r"weight must return one number or shape \(2,\); got \(3,\)",
        ),
        (
            "weight negative",
            lambda: loss(weight=lambda t: -t),
            ValueError,
            r"weight must not return negative numbers; got -0\.2",
        ),
        (
            "noise of another shape",
            lambda: loss(noise=np.ones((3, 2))),
            ValueError,
            r"noise must have the shape of clean, \(2, 2\); got \(3, 2\)",
        ),
        ("one time for all", lambda: loss(t=0.1), ValueError, r"t must have shape \(2,\); got \(\)"),
        (
            "prediction of another shape",
            lambda: loss(Short()),
            ValueError,
            r"module must return shape \(2, 2\); got \(2, 1\)",
        ),
        # Networks
        (
            "hidden a number",
            lambda: networks.MLP(2, 64),
            TypeError,
            r"hidden must be a tuple of sizes, such as \(64, 64, 64\); got int",
        ),
        ("hidden empty layer", lambda: networks.MLP(2, (64, 0)), ValueError, "hidden must be at least 1; got 0"),
        (
            "half precision",
            lambda: networks.MLP(2, (3,), dtype=torch.float16),
            ValueError,
            r"dtype must be torch\.float64 or torch\.float32; got torch\.float16",
        ),
        (
            "unknown time input",
            lambda: networks.MLP(2, (3,), time_input="sin"),
            ValueError,
            r"time_input must be one of \['time', 'log'\]; got 'sin'",
        ),
        (
            "module a function",
            lambda: networks.ScoreNetwork(lambda x, t: x, OU, "cem"),
            TypeError,
            "module must be a torch module; got function",
        ),
        (
            "process of a network",
            lambda: networks.ScoreNetwork(networks.MLP(2, (3,)), 0.5, "cem"),
            TypeError,
            r"process must be a process, such as OrnsteinUhlenbeck\(\); got float",
        ),
        (
            "module of unknown dimension",
            lambda: networks.ScoreNetwork(Short(), OU, "cem"),
            TypeError,
            "ambient_dimension is needed: the module has no attribute of that name",
        ),
        (
            "network asked elsewhere",
            lambda: network().score([1.0, 2.0, 3.0], 0.1),
            ValueError,
            r"x has last dimension 3 but the network lives in R\^2",
        ),
        (
            "network that answers with another shape",
            lambda: networks.ScoreNetwork(Short(), OU, "cem", 2).score(POINTS, 0.1),
            ValueError,
            r"module must return shape \(2, 2\); got \(2, 1\)",
        ),
        # Training
        (
            "training a module",
            lambda: train(model=networks.MLP(2, (3,))),
            TypeError,
            "network must be a ScoreNetwork; got MLP",
        ),
        (
            "training nothing",
            lambda: train(model=networks.ScoreNetwork(Short(), OU, "cem", 2)),
            ValueError,
            "network has no parameters to train",
        ),
        (
            "training on a manifold",
            lambda: train(data=ms.Circle()),
            TypeError,
            r"data must be a measure or points \(N, d\); a manifold becomes a measure with \.uniform\(\)",
        ),
        (
            "training on data elsewhere",
            lambda: train(data=np.ones((5, 3))),
            ValueError,
            r"data lives in R\^3 but the network in R\^2",
        ),
        (
            "learning rate negative",
            lambda: train(learning_rate=lambda step: -1.0),
            ValueError,
            r"learning_rate must be positive and finite; got -1\.0",
        ),
        (
            "loss infinite",
            lambda: train(weight=lambda t: np.full_like(t, 1e308)),
            ValueError,
            "loss must be finite; it is inf at step 0: a smaller learning_rate may help",
        ),
        # Checkpoints
        (
            "checkpoint nowhere",
            lambda: train(checkpoint="no such folder/a.pt"),
            ValueError,
            r"checkpoint must lie in a folder that exists; got no such folder.a\.pt",
        ),
        (
            "checkpoint a text",
            with_file(lambda path: train(checkpoint=path), b"weights"),
            ValueError,
            r"checkpoint must lead to a file that train wrote; \S+a\.pt cannot be read \(\w+\)",
        ),
        (
            "checkpoint with code",
            with_file(lambda path: train(checkpoint=path), {"format": pathlib.Path}),
            ValueError,
            r"checkpoint must lead to a file that train wrote; \S+a\.pt cannot be read \(UnpicklingError\)",
        ),
        (
            "checkpoint of another program",
            with_file(lambda path: train(checkpoint=path), {"model": torch.ones(2)}),
            ValueError,
            r"checkpoint must lead to a file that train wrote; \S+a\.pt holds something else",
        ),
        (
            "checkpoint of another target",
            with_file(lambda path: train(2, network(target="sgm"), rng=0, checkpoint=path)),
            ValueError,
            r"checkpoint \S+a\.pt belongs to another training: its target is cem, not sgm",
        ),
        (
            "checkpoint of another seed",
            with_file(lambda path: train(2, rng=1, checkpoint=path)),
            ValueError,
            r"checkpoint \S+a\.pt belongs to another training: its rng is \w{16}, not \w{16}",
        ),
        (
            "checkpoint of other weights",
            with_file(lambda path: train(2, network(seed=1), rng=0, checkpoint=path)),
            ValueError,
            r"checkpoint \S+a\.pt belongs to another network: the weights are neither those it began with "
            r"nor those it holds; build the network as it was then, or choose another path",
        ),
        (
            "checkpoint ahead",
            with_file(lambda path: train(1, rng=0, checkpoint=path)),
            ValueError,
            r"steps must be at least 2, which \S+a\.pt has done; got 1",
        ),
    ]

"""Training: what it learns, and that seeds alone decide, whatever interrupts it."""

import json
import os
import pathlib
import pickle
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

import manifold_scores as ms

torch = pytest.importorskip("torch", reason="torch is not installed")

from manifold_scores import networks  # noqa: E402
from manifold_scores.networks import checkpoints  # noqa: E402

OU = ms.OrnsteinUhlenbeck()
LAW = ms.Gaussian([0.0, 0.0], [[1.0, 0.0], [0.0, 0.0]])
TIMES = networks.LogUniformTimes(0.01, 2.0)
ROOT = pathlib.Path(ms.__file__).parents[1]
STEPS = 60


def model(target="cem", hidden=(16, 16), seed=0, **options):
    return networks.ScoreNetwork(networks.MLP(2, hidden, seed=seed, **options), OU, target)


def weights(network):
    return {name: value.clone() for name, value in network.module.state_dict().items()}


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def train(network, times=TIMES, steps=STEPS, data=LAW, **options):
    return networks.train(network, data, times, steps, **({"batch_size": 32, "checkpoint_every": 7} | options))


def straight(seed, steps=STEPS, **options):
    """Weights and losses of a training that nothing interrupts."""
    network = model(seed=seed)
    losses = train(network, rng=seed, steps=steps, **options)
    return weights(network), losses


# What is learned


@pytest.mark.parametrize("target", networks.TARGETS)
def test_networks_learn_a_normal_law_on_a_line(target):
    # alpha^2 + sigma^2 = 1 along the line: f = (e^{-t/2} x_1, 0), experiment 1 of [LWB] in coordinates of its line.
    network = model(target, seed=1)
    rng = np.random.default_rng(2)
    t = rng.uniform(0.3, 2.0, 4000)
    noise = np.sqrt(-np.expm1(-t))[:, None] * rng.standard_normal((4000, 2))
    x = np.exp(-t / 2)[:, None] * LAW.sample(4000, rng) + noise
    f = np.column_stack([np.exp(-t / 2) * x[:, 0], np.zeros(4000)])
    losses = networks.train(network, LAW, networks.UniformTimes(0.3, 2.0), 1500, rng=3, learning_rate=3e-3)
    error = ((network.posterior_mean(x, t) - f) ** 2).sum(axis=1).mean()
    # The mean of the data, 0, is off by |f|: so is, at best, whatever learned another target or sign.
    assert error < 0.1 * (f**2).sum(axis=1).mean()
    # What f leaves of the loss is (alpha^2/sigma^2) Var(X_0 | X_t) = e^{-t}, for all three targets.  200 batches of 256
    # know it to 0.7 per cent; what the network adds is of the order of its error, bounded above.
    left = (np.exp(-0.3) - np.exp(-2.0)) / 1.7
    assert 0.97 * left < losses[-200:].mean() < 1.2 * left


def test_steps_are_those_of_adam_written_out():
    network, seed = model(hidden=(5,), seed=4), 5
    points = np.random.default_rng(6).standard_normal((20, 2))
    losses = train(network, data=points, steps=10, rng=seed, learning_rate=lambda step: 0.01 / (1 + step), weight="snr")
    reference, rng = networks.MLP(2, (5,), seed=4), np.random.default_rng(seed)
    parameters = list(reference.parameters())
    first, second = ([torch.zeros_like(each) for each in parameters] for _ in range(2))
    for step in range(10):
        clean = points[rng.integers(20, size=32)]
        t = np.exp(rng.uniform(np.log(0.01), np.log(2.0), 32))
        x = np.exp(-t / 2)[:, None] * clean + np.sqrt(-np.expm1(-t))[:, None] * rng.standard_normal((32, 2))
        errors = (reference(torch.tensor(x), torch.tensor(t)) - torch.tensor(clean)).square().sum(dim=1)
        loss = (errors / torch.tensor(np.expm1(t))).mean()
        assert losses[step] == pytest.approx(loss.item(), rel=1e-9)
        for i, gradient in enumerate(torch.autograd.grad(loss, parameters)):
            first[i] = 0.9 * first[i] + 0.1 * gradient
            second[i] = 0.999 * second[i] + 0.001 * gradient**2
            scale = (second[i] / (1 - 0.999 ** (step + 1))).sqrt() + 1e-8
            with torch.no_grad():
                parameters[i] -= 0.01 / (1 + step) * first[i] / (1 - 0.9 ** (step + 1)) / scale
    for got, expected in zip(network.module.parameters(), parameters, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-12)  # Adam's quotients forget where signs are


# Seeds alone decide


def test_other_random_numbers_change_nothing_and_are_not_changed():
    first, losses = straight(0)
    torch.manual_seed(123)
    np.random.seed(5)  # noqa: NPY002
    before, state = torch.random.get_rng_state(), np.random.get_state()  # noqa: NPY002
    second, again = straight(0)
    assert torch.equal(before, torch.random.get_rng_state())
    assert (state[1] == np.random.get_state()[1]).all()  # noqa: NPY002
    assert same(first, second)
    np.testing.assert_array_equal(losses, again)
    assert not same(first, straight(1)[0])


def test_checkpoints_change_nothing(tmp_path):
    expected, losses = straight(0)
    network = model()
    np.testing.assert_array_equal(train(network, rng=0, checkpoint=tmp_path / "a.pt"), losses)
    assert same(weights(network), expected)
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]


# Interruptions


class Interrupted:
    """A law of times that is TIMES but for one call, in which something happens."""

    def __init__(self, at, happen):
        self.left, self.happen = at, happen

    def __repr__(self):
        return repr(TIMES)  # the same training: the draws are the same

    def __call__(self, n, rng):
        self.left -= 1
        if self.left == 0:
            rng.standard_normal(3)
            self.happen()
            rng.standard_normal(3)
        return TIMES(n, rng)


class Held(Interrupted):
    """The same, with the draws in order: Ctrl-C is held back to the end of the step."""

    def __call__(self, n, rng):
        self.left -= 1
        if self.left == 0:
            self.happen()
        return TIMES(n, rng)


def press():
    signal.raise_signal(signal.SIGINT)


def fail():
    raise OSError("no more data")


def stop():
    raise KeyboardInterrupt


WAYS = {
    "Ctrl-C": (Held, press, KeyboardInterrupt),
    "an interrupt in a draw": (Interrupted, stop, KeyboardInterrupt),
    "an error in a draw": (Interrupted, fail, OSError),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seed", [0, 1])
def test_interrupted_at_random_steps_and_resumed(tmp_path, seed, way):
    law, happen, error = WAYS[way]
    expected, losses = straight(seed)
    path = tmp_path / "a.pt"
    pauses = np.random.default_rng([seed, len(way)]).integers(2, 20, size=4)
    assert pauses.sum() < STEPS
    handler, done = signal.getsignal(signal.SIGINT), 0
    for pause in pauses.tolist():
        network = model(seed=seed)
        with pytest.raises(error):
            train(network, law(pause, happen), rng=seed, checkpoint=path)
        assert signal.getsignal(signal.SIGINT) is handler
        done += pause if happen is press else pause - 1  # not one step is lost
        state = checkpoints.read(path)
        np.testing.assert_array_equal(state["losses"].numpy(), losses[:done])
        assert same(state["module"], weights(network))
    network = model(seed=seed)
    np.testing.assert_array_equal(train(network, rng=seed, checkpoint=path), losses)
    assert same(weights(network), expected)


def test_an_interrupted_network_goes_on_where_it_is(tmp_path):
    expected, _ = straight(0)
    network = model()
    with pytest.raises(KeyboardInterrupt):
        train(network, Held(11, press), rng=0, checkpoint=tmp_path / "a.pt")
    train(network, rng=0, checkpoint=tmp_path / "a.pt")  # the same object, as in a notebook
    assert same(weights(network), expected)
    again = model()  # and in a new process the network as it was at first
    train(again, rng=0, checkpoint=tmp_path / "a.pt")
    assert same(weights(again), expected)


def test_without_a_checkpoint_an_interrupted_network_keeps_its_steps():
    network = model()
    with pytest.raises(KeyboardInterrupt):
        train(network, Held(11, press), rng=0)
    assert same(weights(network), straight(0, steps=11)[0])


def test_a_second_interrupt_does_not_wait():
    network, passed = model(), []
    with pytest.raises(KeyboardInterrupt):
        train(network, Held(5, lambda: (press(), press(), passed.append("the second"))), rng=0)
    assert passed == []
    assert same(weights(network), straight(0, steps=4)[0])


def test_handlers_of_others_are_asked(tmp_path):
    seen = []
    old = signal.signal(signal.SIGINT, lambda number, frame: seen.append(checkpoints.read(tmp_path / "a.pt")))
    try:
        network = model()
        train(network, Held(11, press), rng=0, checkpoint=tmp_path / "a.pt")
    finally:
        signal.signal(signal.SIGINT, old)
    assert [len(state["losses"]) for state in seen] == [11]  # after the file was written; it let training go on
    assert same(weights(network), straight(0)[0])


def test_training_in_a_thread():
    network = model()
    thread = threading.Thread(target=train, args=(network,), kwargs={"rng": 0})
    thread.start()
    thread.join()
    assert same(weights(network), straight(0)[0])


# Interruptions of a write


def half(state, file):
    file.write(b"half a checkpoint")
    raise KeyboardInterrupt


def nowhere(source, target):
    raise OSError("no space left on device")


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    ("module", "name", "fault", "error"), [(torch, "save", half, KeyboardInterrupt), (os, "replace", nowhere, OSError)]
)
def test_the_old_checkpoint_survives_a_write_that_fails(tmp_path, monkeypatch, seed, module, name, fault, error):
    path = tmp_path / "a.pt"
    with pytest.raises(KeyboardInterrupt):
        train(model(seed=seed), Held(10, press), rng=seed, checkpoint=path)
    old = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(module, name, fault)
        with pytest.raises(error):
            train(model(seed=seed), rng=seed, checkpoint=path)
    assert path.read_bytes() == old
    assert [each.name for each in tmp_path.iterdir()] == ["a.pt"]
    network = model(seed=seed)
    train(network, rng=seed, checkpoint=path)
    assert same(weights(network), straight(seed)[0])


SCRIPT = """
import os, pathlib, signal, sys
import torch
import manifold_scores as ms
from manifold_scores import networks

folder, seed, way = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
torch.set_num_threads(1)
if way == "kill":
    writes = []

    def save(state, file, whole=torch.save):
        writes.append(state)
        if len(writes) == 3:
            file.write(b"half a checkpoint")
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        whole(state, file)

    torch.save = save
network = networks.ScoreNetwork(networks.MLP(2, (16, 16), seed=seed), ms.OrnsteinUhlenbeck(), "cem")
law = ms.Gaussian([0.0, 0.0], [[1.0, 0.0], [0.0, 0.0]])
print("training", flush=True)
networks.train(
    network, law, networks.LogUniformTimes(0.01, 2.0), int(sys.argv[4]), batch_size=32, rng=seed,
    checkpoint=folder / "a.pt", checkpoint_every=7,
)
torch.save(network.module.state_dict(), folder / "final.pt")
"""


def start(folder, seed, way, steps):
    command = [sys.executable, "-c", SCRIPT, str(folder), str(seed), way, str(steps)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is a signal of POSIX")
def test_the_old_checkpoint_survives_a_process_killed_in_a_write(tmp_path):
    process = start(tmp_path, 0, "kill", STEPS)
    assert process.wait(timeout=120) == -signal.SIGKILL
    process.communicate()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.pt", "a.pt.writing"]
    assert len(checkpoints.read(tmp_path / "a.pt")["losses"]) == 14
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        network = model()
        train(network, rng=0, checkpoint=tmp_path / "a.pt")
        assert same(weights(network), straight(0)[0])
    finally:
        torch.set_num_threads(threads)
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent as a signal of POSIX")
def test_a_process_interrupted_at_any_moment_resumes_in_another(tmp_path):
    steps = 600  # most of a second: the signal arrives wherever it arrives
    process = start(tmp_path, 1, "interrupt", steps)
    assert process.stdout.readline() == "training\n"
    while not (tmp_path / "a.pt").exists():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert "KeyboardInterrupt" in errors
    done = len(checkpoints.read(tmp_path / "a.pt")["losses"])
    assert 7 <= done < steps
    again = start(tmp_path, 1, "resume", steps)
    assert again.communicate(timeout=120)[1] == ""
    (tmp_path / "straight").mkdir()
    assert start(tmp_path / "straight", 1, "straight", steps).communicate(timeout=120)[1] == ""
    finals = [torch.load(folder / "final.pt", weights_only=True) for folder in (tmp_path, tmp_path / "straight")]
    assert same(*finals)


# Files


def test_a_finished_checkpoint_is_loaded_and_can_be_continued(tmp_path):
    path = tmp_path / "a.pt"
    train(model(), rng=0, checkpoint=path)
    network = model()
    losses = train(network, Held(1, fail), rng=0, checkpoint=path)  # nothing is drawn
    assert same(weights(network), straight(0)[0])
    assert len(losses) == STEPS
    train(network, rng=0, checkpoint=path, steps=STEPS + 25)
    assert same(weights(network), straight(0, steps=STEPS + 25)[0])


@pytest.mark.parametrize("generator", [np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64])
def test_generators_of_all_kinds_resume(tmp_path, generator):
    def rng():
        return np.random.Generator(generator(3))

    expected, network = model(), model()
    train(expected, rng=rng())
    with pytest.raises(KeyboardInterrupt):
        train(network, Held(9, press), rng=rng(), checkpoint=tmp_path / "a.pt")
    train(network, rng=rng(), checkpoint=tmp_path / "a.pt")
    assert same(weights(network), weights(expected))


def test_other_settings_are_refused(tmp_path):
    path = tmp_path / "a.pt"
    points = np.random.default_rng(7).standard_normal((20, 2))
    train(model(), rng=0, checkpoint=path, data=points)
    others = {
        "data": {"data": points + 1.0}, "times": {"times": networks.UniformTimes(0.01, 2.0)}, "rng": {"rng": None},
        "batch_size": {"batch_size": 31}, "weight": {"weight": "uniform"}, "learning_rate": {"learning_rate": 1e-2},
    }  # fmt: skip
    before = path.read_bytes()
    for name, options in others.items():
        with pytest.raises(ValueError, match=f"its {name} is"):
            train(model(), **({"rng": 0, "checkpoint": path, "data": points} | options))
    with pytest.raises(ValueError, match="its process is"):
        train(
            networks.ScoreNetwork(networks.MLP(2, (16, 16)), ms.BrownianMotion(), "cem"),
            rng=0, checkpoint=path, data=points,
        )  # fmt: skip
    for other in (model(hidden=(16, 15)), model(dtype=torch.float32), model(seed=1)):
        with pytest.raises(ValueError, match="belongs to another network"):
            train(other, rng=0, checkpoint=path, data=points)
    assert path.read_bytes() == before


def test_settings_do_not_depend_on_the_process_they_are_written_in(tmp_path):
    # Functions have addresses, which differ from run to run; the file must hold none.
    def rate(step):
        return 1e-3

    def law(n, rng):
        return np.ones(n)

    train(model(), law, 1, rng=0, learning_rate=rate, weight=lambda t: t, checkpoint=tmp_path / "a.pt")
    settings = checkpoints.read(tmp_path / "a.pt")["settings"]
    assert "0x" not in json.dumps(settings)
    assert settings["learning_rate"].endswith("rate>")


class Malicious:
    def __reduce__(self):
        return os.mkdir, ("planted",)


def test_files_are_read_without_running_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"format": Malicious()}, "zip.pt")
    pathlib.Path("plain.pt").write_bytes(pickle.dumps(Malicious()))
    train(model(), rng=0, checkpoint="whole.pt")
    pathlib.Path("cut.pt").write_bytes(pathlib.Path("whole.pt").read_bytes()[:-100])
    for name in ("zip.pt", "plain.pt", "cut.pt"):
        with pytest.raises(ValueError, match="cannot be read"):
            train(model(), rng=0, checkpoint=name)
    assert not pathlib.Path("planted").exists()


# Around it


def test_a_bar_is_shown_when_asked_for(capsys):
    train(model(), rng=0, steps=100, progress=True)
    shown = capsys.readouterr().err
    assert "training" in shown
    assert "100/100" in shown
    assert "loss=" in shown
    train(model(), rng=0)
    assert capsys.readouterr().err == ""


def test_single_precision_stays_single():
    network = model(dtype=torch.float32)
    losses = train(network, rng=0)
    assert {each.dtype for each in network.module.parameters()} == {torch.float32}
    np.testing.assert_allclose(losses, straight(0)[1], rtol=1e-3)  # the same draws; Adam amplifies rounding

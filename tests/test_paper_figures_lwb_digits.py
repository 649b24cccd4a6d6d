"""Networks on handwritten digits: what they are judged by, against direct sums and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

import manifold_scores as ms
from commands.files import load_arrays
from paper_figures import lwb_digits, registry
from paper_figures.images import digit_frechet, digit_runs
from paper_figures.images.data import Source
from paper_figures.images.mosaics import tiled
from paper_figures.training_runs import TARGETS
from tests.test_images import IMAGES, LABELS, idx

ROUNDING = 1e-10
"""Relative: cancellation in logits of at most 1e4 for the direct sum, condition numbers of as much for the solve."""

SINGLE = 1e-4
"""Networks answer in single precision, 6e-8, and at the smallest time f is (x - sigma eps)/alpha with sigma = 0.03."""


def write_digits(folder, n=120, shape=(6, 5)):
    """Idx files with blurred bars and noise: n images, classes 0 to 3 and so on, none empty."""
    rng = np.random.default_rng(11)
    labels = np.arange(n) % 4
    images = rng.integers(60, size=(n, *shape))
    for image, label in zip(images, labels, strict=True):
        image[label + 1] += 150
        image[:, label] += 40
    (folder / IMAGES).write_bytes(idx(images))
    (folder / LABELS).write_bytes(idx(labels))
    return Source("mnist", str(folder))


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_digits(tmp_path_factory.mktemp("idx"))


@pytest.fixture(scope="module")
def images(source):
    return digit_runs.parts(source, 1000)


def test_parts_are_disjoint_and_scaled(source, images):
    whole = source.load().images
    assert (len(images.training), len(images.held), images.shape) == (90, 30, (6, 5))
    both = images.images(np.concatenate([images.training, images.held]))
    np.testing.assert_allclose(np.sort(both, axis=0), np.sort(whole, axis=0), atol=1e-15)
    assert cdist(images.training, images.held).min() > 0.0
    few = digit_runs.parts(source, 40)
    assert (len(few.training), len(few.held)) == (30, 10)
    assert images.images(np.full((1, 30), 7.0)).max() == 1.0
    assert images.images(np.full((1, 30), -7.0)).min() == 0.0


def noisy(points, times):
    """Noisy points and alpha, sigma, as `denoising` draws them."""
    rng = np.random.default_rng(digit_runs.SEED + 1)
    for t in times:
        alpha, sigma = np.exp(-0.5 * t), np.sqrt(-np.expm1(-t))
        yield alpha * points + sigma * rng.standard_normal(points.shape), alpha, sigma


def test_denoising_error_of_the_exact_answer_is_that_of_a_direct_softmax(images):
    times = np.array([10.0, 1.0, 0.3, 0.1, 0.001])
    found, error = digit_runs.denoising(digit_runs.memorising(images.training), images.held, times)
    for i, (x, alpha, sigma) in enumerate(noisy(images.held, times)):
        logits = -0.5 * cdist(x, alpha * images.training, "sqeuclidean") / sigma**2
        weights = np.exp(logits - logits.max(axis=1, keepdims=True))
        f = weights @ images.training / weights.sum(axis=1, keepdims=True)
        squares = ((f - images.held) ** 2).sum(axis=1)
        assert found[i] == pytest.approx(np.sqrt(squares.mean()), rel=ROUNDING)
        # Delta method: the standard error of a root of a mean.
        assert error[i] == pytest.approx(squares.std(ddof=1) / np.sqrt(30) / (2.0 * found[i]), rel=ROUNDING)
    # On its own points it memorises: an error of zero at small times.
    assert digit_runs.denoising(digit_runs.memorising(images.training), images.training, times)[0, -1] < 1e-12


def test_linear_denoiser_is_the_wiener_filter(images):
    times = np.array([10.0, 1.0, 0.01])
    found, _ = digit_runs.denoising(digit_runs.linear(images.training), images.held, times)
    mean, covariance = images.training.mean(axis=0), np.cov(images.training.T)
    for i, (x, alpha, sigma) in enumerate(noisy(images.held, times)):
        gain = alpha * np.linalg.solve(alpha**2 * covariance + sigma**2 * np.eye(30), covariance)
        f = mean + (x - alpha * mean) @ gain
        assert found[i] == pytest.approx(np.sqrt(((f - images.held) ** 2).sum(axis=1).mean()), rel=ROUNDING)


@pytest.mark.parametrize("target", TARGETS)
def test_squared_denoising_error_is_the_loss_of_every_target(images, target):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from manifold_scores import networks

    process = ms.OrnsteinUhlenbeck(0.5)
    module = networks.MLP(30, (8,), time_input="log", dtype=torch.float32, seed=1)
    times = np.array([10.0, 0.1, 0.001])
    found, _ = digit_runs.denoising(networks.ScoreNetwork(module, process, target), images.held, times)
    rng = np.random.default_rng(digit_runs.SEED + 1)
    for t, error in zip(times, found, strict=True):
        noise = rng.standard_normal(images.held.shape)
        loss = networks.denoising_loss(module, images.held, noise, np.full(30, t), process, target=target)
        assert error**2 / np.expm1(t) == pytest.approx(loss.item(), rel=SINGLE)


def test_nearest_images(images):
    x = images.held + 0.1
    np.testing.assert_allclose(
        digit_runs.nearest(images.training, x)[0], cdist(x, images.training).min(axis=1), rtol=1e-12
    )


def test_exact_score_copies_and_a_shifted_one_misses(images):
    size = digit_runs.Size(1000, 1, 1, 2, 20, 50)
    found = digit_runs.sampled(digit_runs.memorising(images.training), images, size)
    assert found["samples"].shape == (2, 20, 30)
    assert found["distance"].max() < 1e-6

    class Shifted:
        process, ambient_dimension = ms.OrnsteinUhlenbeck(0.5), 30
        exact = digit_runs.memorising(images.training)

        def score(self, x, t):
            alpha, variance = self.process.signal_scale(t), self.process.noise_variance(t)
            return self.exact.score(x, t) + 0.2 * alpha / variance

        def posterior_mean(self, x, t):
            return self.exact.posterior_mean(x, t) + 0.2

    # The last step returns f: an image plus 0.2 in each of 30 pixels.
    shifted = digit_runs.sampled(Shifted(), images, size)["distance"]
    np.testing.assert_allclose(shifted, 0.2 * np.sqrt(30), rtol=1e-6)


def test_samplers_start_from_noise_and_from_noisy_training_images(images):
    met = []

    class Recorder:
        process, ambient_dimension = ms.OrnsteinUhlenbeck(0.5), 30

        def score(self, x, t):
            met.append((float(np.max(t)), np.array(x)))
            return -np.asarray(x)

    digit_runs.sampled(Recorder(), images, digit_runs.Size(1000, 1, 1, 2, 30, 10))
    starts = [x for k, (t, x) in enumerate(met) if k == 0 or t > met[k - 1][0]]
    assert len(starts) == 2
    assert met[0][0] == pytest.approx(10.0)
    # N(0, I): 900 draws; the mean of squares has a standard error of sqrt(2/900).
    assert np.square(starts[0]).mean() == pytest.approx(1.0, abs=4.0 * np.sqrt(2.0 / 900.0))
    # Around e^{-1/2} times a training image, of variance 1 - 1/e in each pixel; a wrong one is farther in the mean.
    noisy = digit_runs.memorising(images.training).sample(30, digit_runs.LATE, digit_runs.SEED)
    np.testing.assert_allclose(starts[1], noisy, rtol=1e-12)
    apart = cdist(starts[1], np.exp(-0.5) * images.training, "sqeuclidean").min(axis=1).mean() / 30.0
    assert 0.5 < apart / -np.expm1(-1.0) < 1.2


def test_frechet_distances_of_shifted_images(images):
    real = images.held[:20]
    shifts = np.array([[[0.0, 0.5]], [[1.0, 0.0]]])  # targets, seeds, starts
    samples = real + shifts[..., None, None]
    memory = np.stack([real, real + 2.0])
    found = digit_frechet.judged(samples, memory, images, lambda x: 3.0 * x.reshape(len(x), -1))
    # A shift by c moves the normal law by c in 30 pixels; more images than pixels there are not: singular covariances.
    np.testing.assert_allclose(found["frechet"][..., 1], 30.0 * shifts**2, atol=1e-5)
    np.testing.assert_allclose(found["oracle_frechet"][:, 1], [0.0, 120.0], atol=1e-5)
    # Features see pixels from 0 to 1, cut off: white and black stay what they are, so shifts are less than 1.5 c each.
    assert found["frechet"][0, 0, 0, 0] == pytest.approx(0.0, abs=1e-5)
    assert 0.0 < found["frechet"][1, 0, 0, 0] < 30.0 * 1.5**2
    assert found["floor"].shape == found["floor_error"].shape == (2,)
    assert found["frechet_error"].shape == (2, 2, 2)


def test_shares_of_far_and_copied():
    data = {"held_distance": np.arange(101.0), "distance": np.array([[[[1.0, 2.0, 50.0, 96.0], [3.0] * 4]]])}
    data["oracle_distance"] = np.zeros((2, 4))
    found = lwb_digits.shares(data)  # far: above 95; copied: below 5
    np.testing.assert_array_equal(found["far"], [[[0.25, 0.0]]])
    np.testing.assert_array_equal(found["copied"], [[[0.5, 1.0]]])
    np.testing.assert_array_equal(found["oracle_copied"], [1.0, 1.0])


def test_best_says_whether_ranges_overlap():
    assert lwb_digits.best(np.array([[3.0, 3.2], [1.0, 1.5], [9.0, 9.0]])) == (
        "SGM (next: CEM, 2.48 times as much; every seed of it below every other)"
    )
    assert "the ranges over seeds overlap" in lwb_digits.best(np.array([[1.4, 3.2], [1.0, 1.5], [9.0, 9.0]]))


def test_tiles_have_gaps():
    found = tiled(np.arange(1.0, 4.0)[:, None, None] * np.ones((3, 2, 4)), 2)
    assert found.shape == (5, 9)
    np.testing.assert_array_equal(found[:2, :4], 1.0)
    np.testing.assert_array_equal(found[:2, 5:], 2.0)
    np.testing.assert_array_equal(found[3:, :4], 3.0)
    assert np.isnan(found[2]).all()
    assert np.isnan(found[3:, 4:]).all()


@pytest.fixture(scope="module", params=["digits", "idx"])
def made(request, source, tmp_path_factory):
    """The figure in its quick size, of the bundled digits and of files written here."""
    pytest.importorskip("torch", reason="torch is not installed")
    if request.param == "digits":
        pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    out = tmp_path_factory.mktemp(request.param)
    paths = registry.make("lwb-digits", out, True, Source() if request.param == "digits" else source)
    assert all(path.stat().st_size > 0 for path in paths)
    return load_arrays(out / "lwb-digits.npz"), (out / "lwb-digits.txt").read_text()


def test_tables_repeat_the_arrays(made):
    data, text = made
    i = int(np.argmin(np.abs(data["times"] - 0.01)))
    held, training = (np.median(data["denoising"][:, :, k, i], axis=1) for k in (1, 0))
    row = next(line for line in text.splitlines() if line.split()[:1] == ["0.01"]).split()
    np.testing.assert_allclose([float(cell) for cell in row[1:6:2]], held, rtol=6e-3)
    np.testing.assert_allclose([float(cell[1:-1]) for cell in row[2:7:2]], training, rtol=6e-3)
    assert float(row[7]) == pytest.approx(data["oracle_denoising"][1, i], rel=6e-3)
    assert float(row[9]) == pytest.approx(data["linear_denoising"][1, i], rel=6e-3)
    rows = [line.split() for line in text.splitlines() if line.strip().startswith(("CEM  ", "SGM  ", "DDPM  "))]
    assert [row[:2] for row in rows] == [[name.upper(), start] for start in ("10", "1") for name in TARGETS]
    for k, row in enumerate(rows):
        start, target = divmod(k, 3)
        assert float(row[2]) == pytest.approx(np.median(data["frechet"][target, :, start, 0]), rel=6e-3)
        far = (data["distance"][target, :, start] > np.quantile(data["held_distance"], 0.95)).mean(axis=1)
        assert float(row[-4]) == pytest.approx(100.0 * np.median(far), abs=0.51)
    floor = next(line.split() for line in text.splitlines() if line.strip().startswith("floor  "))
    assert float(floor[1]) == pytest.approx(data["floor"][0], rel=6e-3)


def test_errors_are_tied_by_the_algebra_and_the_exact_score_copies(made):
    data, _ = made
    t = data["times"]
    # |Delta S| = alpha/sigma^2 |Delta f|, |Delta eps| = alpha/sigma |Delta f|.
    np.testing.assert_allclose(data["l2"][:, :, 1], data["l2"][:, :, 0] * np.exp(-t / 2) / -np.expm1(-t), rtol=1e-9)
    np.testing.assert_allclose(data["l2"][:, :, 2], data["l2"][:, :, 0] / np.sqrt(np.expm1(t)), rtol=1e-9)
    assert data["oracle_distance"].max() < 1e-6
    assert data["pictures"].shape[0] == 5
    assert data["pictures"].min() >= 0.0
    assert data["pictures"].max() <= 1.0


def test_the_least_error_is_named(made):
    data, text = made
    text = " ".join(text.split())
    i = int(np.argmin(np.abs(data["times"] - 10.0)))
    medians = np.median(data["denoising"][:, :, 1, i], axis=1)
    order = np.argsort(medians)
    wanted = f"t = 10: {TARGETS[order[0]].upper()} (next: {TARGETS[order[1]].upper()}, "
    assert wanted + f"{medians[order[1]] / medians[order[0]]:.3g} times as much" in text

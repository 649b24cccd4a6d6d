"""Networks on images: the autoencoder's bound, the classifier's features, Inception's weight file."""

import io
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from paper_figures.images.classifier import FEATURES, train_classifier  # noqa: E402
from paper_figures.images.data import Digits, Source, load_digits, split  # noqa: E402
from paper_figures.images.inception import WEIGHTS_VARIABLE, feature_space, inception_features  # noqa: E402
from paper_figures.images.training import minimise, one_torch_thread  # noqa: E402
from paper_figures.images.vae import LATENTS, VAE, judge_vae, kl_divergence, train_vae  # noqa: E402

SINGLE = 1e-4
"""Of sums of up to 64 terms of size 10 in float32: 64 * 10 * 6e-8, tripled."""


@pytest.fixture(scope="module")
def halves():
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    return split(load_digits(), 0.3, np.random.default_rng(1))


@pytest.fixture(scope="module")
def trained(halves):
    return train_vae(halves[0], trials=16, seed=3, steps=250, hidden=128)


def test_divergences_are_those_of_torch():
    generator = torch.Generator().manual_seed(1)
    mean, log_variance = torch.randn(2, 7, 5, generator=generator, dtype=torch.float64)
    normal = torch.distributions.Normal
    wanted = torch.distributions.kl_divergence(normal(mean, (0.5 * log_variance).exp()), normal(0.0, 1.0))
    torch.testing.assert_close(kl_divergence(mean, log_variance), wanted, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("trials", [1, 16])
def test_likelihoods_are_binomial(trials):
    rng = np.random.default_rng(2)
    rows = torch.from_numpy(rng.integers(trials + 1, size=(6, 12)) / trials).float()
    vae = VAE((3, 4), trials=trials, hidden=8, seed=5)
    noise = torch.zeros(6, LATENTS)
    with torch.no_grad():
        found, _ = vae.loss(rows, noise)
        mean, _ = vae.encoder(rows).chunk(2, dim=1)
        law = torch.distributions.Binomial(trials, logits=vae.decoder(mean))
        wanted = -law.log_prob((trials * rows).round()).sum(dim=1)
    torch.testing.assert_close(found, wanted, rtol=SINGLE, atol=SINGLE)


def test_the_bound_is_below_the_likelihood(halves, trained):
    # log p(x) by 2000 draws of importance sampling from q: its mean is below log p(x), but above the bound of one draw.
    few = Digits(halves[1].images[:20], halves[1].labels[:20])
    bound = judge_vae(trained, halves[0], few, draws=200)["elbo"]
    mean, std = trained.posterior(few.images)
    rng = np.random.default_rng(4)
    noise = rng.standard_normal((2000, *mean.shape))
    z = mean + std * noise
    p = np.clip(trained.decode(z.reshape(-1, LATENTS)).reshape(2000, 20, -1), 1e-12, 1.0 - 1e-12)
    hits = np.round(16.0 * few.images.reshape(20, -1))
    binomial = torch.distributions.Binomial(16, probs=torch.from_numpy(p))
    logs = binomial.log_prob(torch.from_numpy(hits).expand(2000, 20, -1)).sum(dim=2).numpy()
    logs += (-0.5 * z**2 + 0.5 * noise**2 + np.log(std)).sum(axis=2)
    likelihood = np.log(np.exp(logs - logs.max(axis=0)).mean(axis=0)) + logs.max(axis=0)
    # The mean of the same logs is the bound, computed here without the divergence in closed form.
    spread = logs.std(axis=0) / np.sqrt(2000) + logs.std(axis=0) / np.sqrt(200)
    assert bound == pytest.approx(logs.mean(), abs=4.0 * np.sqrt(np.mean(spread**2) / 20))
    assert bound < likelihood.mean()


def test_shapes_and_ranges(halves, trained):
    images = halves[1].images[:9]
    latents = trained.encode(images)
    assert latents.shape == (9, LATENTS)
    assert latents.dtype == np.float64
    decoded = trained.decode(latents)
    assert decoded.shape == images.shape
    assert decoded.dtype == np.float64
    assert decoded.min() >= 0.0
    assert decoded.max() <= 1.0
    with pytest.raises(ValueError, match=r"images must have shape \(n, 8, 8\); got \(9, 64\)"):
        trained.encode(images.reshape(9, 64))
    with pytest.raises(ValueError, match=r"latents must have shape \(n, 32\); got \(9, 8\)"):
        trained.decode(latents[:, :8])


def test_reconstructions_beat_the_mean_image(halves, trained):
    found = judge_vae(trained, *halves)
    mean = halves[0].images.mean(axis=0)
    assert found["squared_mean"] == pytest.approx(((halves[1].images - mean) ** 2).mean(), rel=1e-12)
    assert found["squared"] < 0.5 * found["squared_mean"]
    assert found["squared_pca"] <= found["squared_pca_active"] < found["squared_mean"]
    assert found["divergence"].shape == (LATENTS,)
    assert found["active"] == (found["divergence"] > 0.1).sum()
    assert trained.losses[-50:].mean() < 0.8 * trained.losses[:50].mean()


def test_principal_components_are_those_of_scikit_learn(halves, trained):
    from sklearn.decomposition import PCA

    train, held = (part.images.reshape(len(part.images), -1) for part in halves)
    fitted = PCA(LATENTS, svd_solver="full").fit(train)
    wanted = ((fitted.inverse_transform(fitted.transform(held)) - held) ** 2).mean()
    assert judge_vae(trained, *halves, draws=1)["squared_pca"] == pytest.approx(wanted, rel=1e-8)


def test_the_same_seed_gives_the_same_bits(halves):
    before = torch.random.get_rng_state()
    first, second, other = (train_vae(halves[0], seed=seed, steps=30, hidden=32) for seed in (7, 7, 8))
    images = halves[1].images
    np.testing.assert_array_equal(first.encode(images), second.encode(images))
    np.testing.assert_array_equal(first.losses, second.losses)
    assert (first.losses != other.losses).all()
    one, two = (train_classifier(halves[0], seed=7, steps=30) for _ in range(2))
    np.testing.assert_array_equal(one.features(images), two.features(images))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_images_of_any_size():
    rng = np.random.default_rng(3)
    digits = Digits(rng.random((40, 11, 5)), np.arange(40) % 10)
    vae = train_vae(digits, seed=1, steps=3, hidden=16)
    assert vae.decode(vae.encode(digits.images)).shape == (40, 11, 5)
    assert train_classifier(digits, steps=3).features(digits.images).shape == (40, FEATURES)


def test_the_classifier_beats_nearest_class_means(halves):
    train, held = halves
    means = np.stack([train.of(label).mean(axis=0) for label in range(10)])
    nearest = ((held.images[:, None] - means) ** 2).sum(axis=(2, 3)).argmin(axis=1)
    wanted = (nearest == held.labels).mean()
    classifier = train_classifier(train, seed=2, steps=400)
    assert wanted > 0.85
    # Two binomial standard errors above.
    assert classifier.accuracy(held) > wanted + 2.0 * np.sqrt(wanted * (1.0 - wanted) / len(held.labels))
    features = classifier.features(held.images)
    assert features.shape == (len(held.labels), FEATURES)
    assert features.dtype == np.float64
    last = classifier.layers[-1]
    logits = features @ last.weight.detach().double().numpy().T + last.bias.detach().double().numpy()
    assert (logits.argmax(axis=1) == classifier.predict(held.images)).mean() > 0.99  # ties, of rounding, aside


def test_an_interrupted_training_leaves_torch_as_it_was():
    threads = torch.get_num_threads()

    def loss(batch):
        raise KeyboardInterrupt

    parameter = torch.nn.Parameter(torch.zeros(2))
    with pytest.raises(KeyboardInterrupt), one_torch_thread():
        minimise(loss, [parameter], 5, 10, 2, 1e-3, torch.Generator(), "test")
    assert torch.get_num_threads() == threads


def test_a_loss_that_is_not_finite_is_refused():
    parameter = torch.nn.Parameter(torch.zeros(2))
    with pytest.raises(ValueError, match="test: the loss must be finite; it is nan at step 0"):
        minimise(lambda batch: parameter.sum() * np.nan, [parameter], 5, 10, 2, 1e-3, torch.Generator(), "test")


class Small(torch.nn.Module):
    """In place of Inception: mean values of the three channels."""

    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(3, 4)

    def forward(self, images):
        assert images.shape[1:] == (3, 299, 299)
        return self.fc(images.mean(dim=(2, 3)))


def torchvision_of(monkeypatch):
    models = ModuleType("torchvision.models")
    models.inception_v3 = lambda **options: Small()
    package = ModuleType("torchvision")
    package.models = models
    monkeypatch.setitem(sys.modules, "torchvision", package)
    monkeypatch.setitem(sys.modules, "torchvision.models", models)


def test_inception_reads_a_weight_file(tmp_path, monkeypatch):
    torchvision_of(monkeypatch)
    path = tmp_path / "weights.pt"
    torch.save(Small().state_dict(), path)
    images = np.random.default_rng(1).random((35, 8, 8))
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(path))
    name, features = feature_space(Source())
    assert "Inception" in name
    found = features(images)
    assert found.shape == (35, 3)
    np.testing.assert_array_equal(found[:, 0], found[:, 2])
    flat = inception_features(np.full((2, 8, 8), 0.25), path)
    np.testing.assert_allclose(flat, -0.5, atol=1e-5)


def test_wrong_weight_files_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "weights.pt"
    images = np.zeros((2, 8, 8))
    with pytest.raises(ValueError, match=r"Inception's weights must be a file that exists; got .*weights.pt"):
        inception_features(images, path)
    path.write_bytes(b"nothing of the kind")
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.setitem(sys.modules, "torchvision.models", None)
    with pytest.raises(ImportError, match="Inception features need torchvision: pip install torchvision"):
        inception_features(images, path)
    torchvision_of(monkeypatch)
    whole = io.BytesIO()
    torch.save(SimpleNamespace(code="anything"), whole)  # an object, which only running code from the file can make
    other = io.BytesIO()
    torch.save({"weight": torch.zeros(3)}, other)
    for content in (b"nothing of the kind", whole.getvalue(), other.getvalue()):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"weights.pt is no state dict of torchvision's inception_v3"):
            inception_features(images, path)


def test_without_a_weight_file_features_are_the_classifiers(monkeypatch):
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    monkeypatch.delenv(WEIGHTS_VARIABLE, raising=False)
    name, features = feature_space(Source(), quick=True)
    assert name == "the 64 features of a classifier trained on these digits"
    assert features(np.zeros((3, 8, 8))).shape == (3, FEATURES)

"""Products, mixtures (of equal and of different dimensions), isometric images, and nests of them."""

import numpy as np

from .laws import (
    SCHEDULE,
    SHORT,
    affine,
    box,
    circle,
    cloud,
    embedded,
    fisher,
    gaussian,
    mixture,
    product,
    segment,
    sphere,
    sweep,
)

PRODUCT, MIXTURE, EMBEDDED, NESTED = "product", "mixture", "embedded", "nested"


def _embeddings(rng):
    hadamard = np.array([[1, 1], [1, -1], [1, 1], [1, -1]]) / 2.0
    turned, _ = np.linalg.qr(rng.standard_normal((3, 2)))
    full, _ = np.linalg.qr(rng.standard_normal((2, 2)))
    tall, _ = np.linalg.qr(rng.standard_normal((1000, 2)))
    generic = np.array([0.5, -0.25, 1.5])
    yield "hadamard circle", embedded(circle(), hadamard, np.array([1.0, 2.0, 3.0, 4.0])), 4, SCHEDULE
    yield "turned circle", embedded(circle(2.0), turned, generic), 3, SCHEDULE
    yield "turned cloud", embedded(cloud(rng.standard_normal((6, 2))), turned, generic), 3, SHORT
    yield "affine gaussian", affine(gaussian([1.0, -1.0], [[2.0, 1.0], [1.0, 1.0]]), turned, generic), 3, SCHEDULE
    yield "moved box", embedded(box([0.0, 0.0], [1.0, 2.0]), full, np.array([1e6, -1e6])), 2, SHORT
    yield "no origin", embedded(segment([0.0, 0.0], [1.0, 1.0]), turned), 3, SHORT
    yield "moved sphere", embedded(sphere(3, 1.0), np.eye(3), generic), 3, SHORT
    yield "tall circle", embedded(circle(), tall, np.ones(1000)), 1000, SHORT[::2]


def _mixtures():
    axis, line = segment([-1.0, 0.0, 0.0], [1.0, 0.0, 0.0]), segment([0.0, -1.0, 1.0], [0.0, 1.0, 1.0])
    cylinder = product(circle(), segment([-1.0], [1.0]))
    shifted = embedded(product(circle(0.5), segment([0.0], [3.0])), np.eye(3), np.array([2.0, 0.0, 0.0]))
    point, plane = cloud([[0.0, 0.0, 2.0]]), gaussian(np.zeros(3), np.diag([1.0, 4.0, 0.0]))
    yield "two segments", mixture([axis, line])
    yield "two cylinders", mixture([cylinder, shifted], [0.3, 0.7])
    yield "all dimensions", mixture([point, axis, cylinder, plane, sphere(3), box([0.0, 0.0, 0.0], [1.0, 1.0, 1.0])])
    yield "weights300", mixture([axis, line, sphere(3)], [1e-300, 1.0, 1e-150])
    yield "one part", mixture([cylinder], [5.0])


def cases():
    found = []
    rng = np.random.default_rng(5)
    torus = product(circle(), circle(0.5))
    places = {
        "on": np.array([0.6, 0.8, 0.3, -0.4]),
        "near": np.array([0.7, 0.8, 0.0, 0.6]),
        "one centre": np.array([0.0, 0.0, 0.3, 0.4]),
        "far": np.array([1e4, 0.0, 0.0, 1.0]),
    }
    found += sweep(PRODUCT, "torus", torus, places)
    uneven = product(
        cloud([[0.0], [1.0]], [1.0, 3.0]), gaussian([0.0, 0.0], [[1.0, 1.0], [1.0, 1.0]]), segment([0.0], [1.0])
    )
    places = {"on": np.array([1.0, 0.25, 0.25, 0.5]), "edge": np.array([0.5, 1.0, 0.0, 1.0]), "far": np.full(4, 5e3)}
    found += sweep(PRODUCT, "uneven", uneven, places)
    long = product(sphere(500), gaussian(np.zeros(400), np.eye(400)), cloud(rng.standard_normal((3, 100))))
    found += sweep(PRODUCT, "d1000", long, {"near": rng.standard_normal(1000) / 20}, SHORT)

    places = {
        "origin": np.zeros(3),
        "between": np.array([0.25, 0.125, 0.5]),
        "on both sides": np.array([0.0, 0.0, 0.5]),
        "on one": np.array([0.5, 0.0, 0.0]),
        "beside one": np.array([0.5, 0.0, 1e-9]),
        "near": np.array([1.25, 0.3, 0.2]),
        "far": np.array([6e3, -8e3, 0.0]),
    }
    for label, law in _mixtures():
        found += sweep(MIXTURE, label, law, places, SHORT if label == "one part" else SCHEDULE)

    for label, law, d, schedule in _embeddings(rng):
        spots = {"near": rng.standard_normal(d) / np.sqrt(d), "far": 1e4 * rng.standard_normal(d) / np.sqrt(d)}
        if d <= 4:
            spots["offset"] = np.arange(d) + 0.5
        found += sweep(EMBEDDED, label, law, spots, schedule)

    turned, _ = np.linalg.qr(rng.standard_normal((5, 3)))
    inner = mixture(
        [product(circle(), segment([0.0], [1.0])), embedded(cloud([[0.0], [1.0]]), [[0.0], [0.0], [1.0]])], [2.0, 1.0]
    )
    outer = embedded(inner, turned, np.linspace(-1, 1, 5))
    nest = mixture([outer, gaussian(np.zeros(5), np.diag([1.0, 0.0, 0.0, 1.0, 2.0]))], [1.0, 1e-3])
    deep = product(mixture([nest, embedded(sphere(5), np.eye(5), np.ones(5))]), cloud([[0.0], [2.0]]))
    bent = fisher(3, 1.0, [0.0, 0.0, 1.0], 4.0)
    spots = {"near": np.array([0.3, -0.1, 0.2, 0.5, 0.7]), "far": np.array([3e3, 4e3, 0.0, 0.0, 5.0])}
    found += sweep(NESTED, "embedded mixture of product", outer, spots)
    found += sweep(NESTED, "mixture with gaussian", nest, spots, SHORT)
    found += sweep(NESTED, "three deep", deep, {key: np.r_[spot, 1.0] for key, spot in spots.items()}, SHORT)
    twins = mixture([embedded(bent, np.eye(3), np.full(3, c)) for c in (-2.0, 2.0)])
    found += sweep(NESTED, "twin fisher", twins, {"between": np.zeros(3), "off": np.array([1.0, 0.5, 2.0])})

    return found

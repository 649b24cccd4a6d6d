"""What is built: processes, measures, manifolds, samples of them."""

import numpy as np

import manifold_scores as ms

CIRCLE = ms.Circle().uniform()
OU = ms.OrnsteinUhlenbeck()


CASES = [
    # Numbers
    ("rate negative", lambda: ms.OrnsteinUhlenbeck(-2), ValueError, r"rate must be positive and finite; got -2\.0"),
    ("radius zero", lambda: ms.Circle(0.0), ValueError, r"radius must be positive and finite; got 0\.0"),
    ("radius negative", lambda: ms.Sphere(3, -1.0), ValueError, r"radius must be positive and finite; got -1\.0"),
    ("radius tiny", lambda: ms.Circle(1e-60), ValueError, r"radius must lie between 1e-50 and 1e\+50; got 1e-60"),
    (
        "radius an array",
        lambda: ms.Circle([1.0, 2.0]),
        ValueError,
        r"radius must be a single number; got an array of shape \(2,\)",
    ),
    ("radius a string", lambda: ms.Circle("one"), TypeError, "radius must be an array of real numbers; got dtype <U3"),
    (
        "beta_max",
        lambda: ms.VariancePreserving(2.0, 1.0),
        ValueError,
        r"beta_max must be at least beta_min = 2\.0; got 1\.0",
    ),
    ("beta_min", lambda: ms.VariancePreserving(0.0), ValueError, r"beta_min must be positive and finite; got 0\.0"),
    (
        "concentration",
        lambda: ms.Circle().von_mises_fisher([1, 0], -1.0),
        ValueError,
        r"concentration must not be negative; got -1\.0",
    ),
    (
        "concentration immense",
        lambda: ms.Circle().von_mises_fisher([1, 0], 1e301),
        ValueError,
        r"concentration must not exceed 1e\+300; got 1e\+301",
    ),
    # Counts and seeds
    ("n a float", lambda: CIRCLE.sample(2.0), TypeError, r"n must be an integer; got 2\.0 \(float\)"),
    ("n an array", lambda: CIRCLE.sample(np.zeros(300)), TypeError, "n must be an integer; got ndarray"),
    ("n a bool", lambda: CIRCLE.sample(True), TypeError, "n must be an integer; got True"),
    ("n negative", lambda: CIRCLE.sample(-1), ValueError, "n must be at least 0; got -1"),
    ("n immense", lambda: CIRCLE.sample(10**30), ValueError, f"n must be at most {2**40}; got 1{'0' * 30}"),
    ("dimension", lambda: ms.Sphere(1), ValueError, "ambient_dimension must be at least 2; got 1"),
    (
        "rng",
        lambda: CIRCLE.sample(2, "seed"),
        TypeError,
        "rng must be None, an integer seed or a numpy Generator; got str",
    ),
    (
        "rng of old",
        lambda: CIRCLE.sample(2, np.random.RandomState(0)),
        TypeError,
        "rng must be None, an integer seed or a numpy Generator; got RandomState",
    ),
    ("rng negative", lambda: CIRCLE.sample(2, -5), ValueError, "rng must be at least 0; got -5"),
    # Measures
    (
        "empty cloud",
        lambda: ms.PointCloud(np.empty((0, 2))),
        ValueError,
        r"points must be a non-empty \(N, d\) array; got shape \(0, 2\)",
    ),
    (
        "flat cloud",
        lambda: ms.PointCloud([1.0, 2.0]),
        ValueError,
        r"points must be a non-empty \(N, d\) array; got shape \(2,\)",
    ),
    (
        "weights short",
        lambda: ms.PointCloud([[0.0], [1.0]], [1.0]),
        ValueError,
        r"weights must have shape \(2,\); got \(1,\)",
    ),
    (
        "weights negative",
        lambda: ms.PointCloud([[0.0], [1.0]], [1.0, -0.5]),
        ValueError,
        r"weights must be non-negative; got -0\.5",
    ),
    (
        "tolerance of a cloud",
        lambda: ms.PointCloud([[0.0], [1.0]], tolerance=0.5),
        ValueError,
        r"tolerance must lie between 1e-100 and 0\.1; got 0\.5",
    ),
    ("weights zero", lambda: ms.PointCloud([[0.0], [1.0]], [0.0, 0.0]), ValueError, "weights must not all be zero"),
    (
        "mean a matrix",
        lambda: ms.Gaussian([[0.0]], [[1.0]]),
        ValueError,
        r"mean must be a non-empty vector; got shape \(1, 1\)",
    ),
    (
        "covariance shape",
        lambda: ms.Gaussian([0.0, 0.0], [[1.0]]),
        ValueError,
        r"covariance must have shape \(2, 2\); got \(1, 1\)",
    ),
    (
        "covariance asymmetric",
        lambda: ms.Gaussian([0.0, 0.0], [[1.0, 0.5], [0.25, 1.0]]),
        ValueError,
        r"covariance must be symmetric; the largest asymmetry is 0\.25",
    ),
    (
        "covariance negative",
        lambda: ms.Gaussian([0.0, 0.0], [[1.0, 0.0], [0.0, -2.0]]),
        ValueError,
        "covariance must be positive semi-definite; its least diagonal entry is -2",
    ),
    (
        "covariance zero diagonal",
        lambda: ms.Gaussian([0.0, 0.0], [[1.0, 0.5], [0.5, 0.0]]),
        ValueError,
        r"covariance must be positive semi-definite; it has a zero on the diagonal beside an entry of size 0\.5",
    ),
    (
        "covariance indefinite",
        lambda: ms.Gaussian([0.0, 0.0], [[1.0, 2.0], [2.0, 1.0]]),
        ValueError,
        r"covariance must be positive semi-definite; no factor fits it better than \d\S* relative to its diagonal",
    ),
    (
        "no direction",
        lambda: ms.Sphere(3).von_mises_fisher(None, 2.0),
        ValueError,
        "mean_direction is needed for a positive concentration; got None",
    ),
    (
        "direction zero",
        lambda: ms.Circle().von_mises_fisher([0.0, 0.0], 2.0),
        ValueError,
        "mean_direction must not be the zero vector",
    ),
    (
        "direction short",
        lambda: ms.Circle().von_mises_fisher([1.0], 2.0),
        ValueError,
        "mean_direction must have 2 entries; got 1",
    ),
    (
        "segment a point",
        lambda: ms.Segment([1.0, 2.0], [1.0, 2.0]),
        ValueError,
        r"end must differ from start; both are a point of R\^2",
    ),
    ("segment across spaces", lambda: ms.Segment([1.0, 2.0], [1.0]), ValueError, "end must have 2 entries; got 1"),
    (
        "segment tiny",
        lambda: ms.Segment([0.0], [1e-60]),
        ValueError,
        "end must lie at least 1e-50 from start; got a distance of 1e-60",
    ),
    (
        "box inside out",
        lambda: ms.Box([0.0, 2.0], [1.0, 1.0]),
        ValueError,
        r"upper must exceed lower in every coordinate; coordinate 1 has lower 2\.0 and upper 1\.0",
    ),
    (
        "box tiny",
        lambda: ms.Box([0.0], [1e-60]),
        ValueError,
        "upper must exceed lower by at least 1e-50; coordinate 0 does so by 1e-60",
    ),
    ("empty product", ms.Product, TypeError, "measures must be a non-empty sequence of measures; got none"),
    (
        "empty mixture",
        lambda: ms.Mixture([]),
        TypeError,
        "measures must be a non-empty sequence of measures; got none",
    ),
    (
        "mixture of nothing",
        lambda: ms.Mixture(3),
        TypeError,
        "measures must be a non-empty sequence of measures; got int",
    ),
    (
        "product of a manifold",
        lambda: ms.Product(CIRCLE, ms.Circle()),
        TypeError,
        r"measures\[1\] must be a measure, such as Circle\(1\.0\)\.uniform\(\); got Circle",
    ),
    (
        "mixture across spaces",
        lambda: ms.Mixture([CIRCLE, ms.Sphere(3).uniform()]),
        ValueError,
        r"measures must live in one space; measures\[0\] lives in R\^2, measures\[1\] in R\^3",
    ),
    (
        "mixture weights",
        lambda: ms.Mixture([CIRCLE], [1.0, 1.0]),
        ValueError,
        r"weights must have shape \(1,\); got \(2,\)",
    ),
    (
        "embedding nothing",
        lambda: ms.Embedded("circle", np.eye(2)),
        TypeError,
        r"measure must be a measure, such as Circle\(1\.0\)\.uniform\(\); got str",
    ),
    (
        "carrying nothing",
        lambda: ms.AffineSubspace(np.eye(2)).measure(None),
        TypeError,
        r"law must be a measure, such as Circle\(1\.0\)\.uniform\(\); got NoneType",
    ),
    (
        "basis of another dimension",
        lambda: ms.Embedded(CIRCLE, np.eye(3)),
        ValueError,
        r"basis must have 2 columns, one for each dimension of the measure; got shape \(3, 3\)",
    ),
    (
        "basis too wide",
        lambda: ms.AffineSubspace(np.ones((1, 2))),
        ValueError,
        r"basis has one vector a column, so at most as many columns as rows; got shape \(1, 2\)",
    ),
    (
        "basis not orthonormal",
        lambda: ms.AffineSubspace([[1.0, 1.0], [0.0, 1.0]]),
        ValueError,
        r"basis must have orthonormal columns; its Gram matrix is off the identity by 1 "
        r"\(numpy\.linalg\.qr gives an orthonormal basis\)",
    ),
    (
        "basis a vector",
        lambda: ms.AffineSubspace([1.0, 0.0]),
        ValueError,
        r"basis must be a non-empty matrix; got shape \(2,\)",
    ),
    (
        "origin elsewhere",
        lambda: ms.AffineSubspace(np.eye(2), [0.0] * 3),
        ValueError,
        "origin must have 2 entries; got 3",
    ),
    (
        "measure a manifold",
        lambda: ms.NoisedMeasure(ms.Circle(), OU),
        TypeError,
        r"measure must be a measure; got Circle; a manifold becomes a measure with \.uniform\(\)",
    ),
    ("measure a list", lambda: ms.NoisedMeasure([[0.0]], OU), TypeError, "measure must be a measure; got list"),
    (
        "process a class",
        lambda: ms.NoisedMeasure(CIRCLE, ms.OrnsteinUhlenbeck),
        TypeError,
        r"process must be a process, such as OrnsteinUhlenbeck\(\); got ABCMeta",
    ),
    # Manifolds
    (
        "no uniform measure",
        lambda: ms.AffineSubspace(np.eye(2)).uniform(),
        ValueError,
        r"an AffineSubspace has infinite volume and no uniform measure; use \.measure\(law on R\^m\)",
    ),
    ("angles", lambda: ms.Sphere(3).embed([0.1, 0.2, 0.3]), ValueError, r"u must have shape \(\.\.\., 2\); got \(3,\)"),
    (
        "outside a segment",
        lambda: ms.Segment([0.0], [1.0]).embed([0.5, 1.5]),
        ValueError,
        r"u must lie in \[0, 1\]; got 0\.5 to 1\.5",
    ),
    (
        "outside a box",
        lambda: ms.Box([0.0, 0.0], [1.0, 1.0]).embed([0.5, 1.5]),
        ValueError,
        "u must lie in the box: lower <= u <= upper in every coordinate",
    ),
]

"""Smoothing kernels and smoothed scores."""

import numpy as np

import manifold_scores as ms

NOISED = ms.NoisedMeasure(ms.PointCloud(np.eye(4)), ms.OrnsteinUhlenbeck())
CIRCLE = ms.Circle()
KERNEL = ms.GaussianKernel(0.1)
GIVEN = ms.SampledKernel(np.ones((3, 4)))
FUNCTION = ms.SampledKernel(lambda x, n, rng: np.ones((len(x), n)))
OTHER = ms.GaussianKernel(np.eye(3))
LAW = r"NoisedMeasure\(PointCloud\(4 points in R\^4\), OrnsteinUhlenbeck\(rate=0\.5\)\)"


def smoothed(*args, **kwargs):
    return lambda: ms.SmoothedScore(NOISED, *args, **kwargs)


CASES = [
    # Kernels
    ("bandwidth zero", lambda: ms.GaussianKernel(0.0), ValueError, r"bandwidth must be positive and finite; got 0\.0"),
    (
        "bandwidth a vector",
        lambda: ms.GaussianKernel([0.1, 0.2]),
        ValueError,
        r"bandwidth must be a number or a \(d, d\) covariance; got shape \(2,\)",
    ),
    (
        "covariance indefinite",
        lambda: ms.GaussianKernel([[1.0, 2.0], [2.0, 1.0]]),
        ValueError,
        r"bandwidth must be positive semi-definite; its smallest eigenvalue is -1",
    ),
    (
        "covariance skew",
        lambda: ms.GaussianKernel([[1.0, 0.5], [0.2, 1.0]]),
        ValueError,
        r"bandwidth must be symmetric; the largest asymmetry is 0\.3",
    ),
    (
        "samples a vector",
        lambda: ms.SampledKernel([1.0, 2.0]),
        ValueError,
        r"samples must be a non-empty matrix; got shape \(2,\)",
    ),
    (
        "samples of another dimension",
        lambda: ms.SampledKernel(np.ones((3, 2)), ambient_dimension=3),
        ValueError,
        r"samples have 2 columns but ambient_dimension is 3",
    ),
    (
        "function of the wrong shape",
        lambda: FUNCTION.sample([1.0, 2.0], 5),
        ValueError,
        r"samples must have shape \(1, 5, 2\); the function returned \(1, 5\)",
    ),
    (
        "function of one argument",
        lambda: ms.SampledKernel(lambda x: x).sample([1.0, 2.0], 5),
        TypeError,
        r"samples must be a function of 3 argument\(s\): too many positional arguments",
    ),
    (
        "dimension of a kernel an array",
        lambda: ms.SampledKernel(np.ones((3, 2)), ambient_dimension=np.array([2, 2])),
        TypeError,
        r"ambient_dimension must be an integer; got ndarray",
    ),
    (
        "support of a function",
        lambda: FUNCTION.largest_normal_shift(CIRCLE, [1.0, 0.0]),
        ValueError,
        r"largest_normal_shift is not known for a kernel given by a function",
    ),
    (
        "no Fisher information",
        lambda: GIVEN.fisher_information(ms.Sphere(4), np.ones(4)),
        ValueError,
        r"fisher_information is not defined for SampledKernel: it needs a density smooth in x",
    ),
    (
        "manifold elsewhere",
        lambda: OTHER.normal_scale(CIRCLE, [1.0, 0.0]),
        ValueError,
        r"manifold lives in R\^2 but the kernel lives in R\^3",
    ),
    (
        "no manifold",
        lambda: KERNEL.normal_scale(CIRCLE.uniform(), [1.0, 0.0]),
        TypeError,
        r"manifold must be a manifold, such as Circle\(\); got SphereLaw",
    ),
    (
        "adapted to no manifold",
        lambda: ms.AdaptedKernel(KERNEL, 3),
        TypeError,
        r"manifold must be a manifold, such as Circle\(\); got int",
    ),
    (
        "adapted from no kernel",
        lambda: ms.AdaptedKernel(0.1, CIRCLE),
        TypeError,
        r"kernel must be a smoothing kernel, such as GaussianKernel\(0\.1\); got float",
    ),
    (
        "adapted twice",
        lambda: ms.TangentKernel(ms.TangentKernel(KERNEL, CIRCLE), CIRCLE),
        ValueError,
        r"kernel must shift x by independent noise, such as GaussianKernel\(0\.1\); got TangentKernel\(.*\)",
    ),
    (
        "adapted in another dimension",
        lambda: ms.TranslatedManifoldKernel(OTHER, CIRCLE),
        ValueError,
        r"kernel lives in R\^3 but the manifold lives in R\^2",
    ),
    *[
        (
            f"shift of {kind.__name__} from another manifold",
            lambda kind=kind: kind(KERNEL, CIRCLE).largest_normal_shift(ms.Circle(2.0), [1.0, 0.0]),
            ValueError,
            r"largest_normal_shift is known for the manifold of the kernel only",
        )
        for kind in (ms.AdaptedKernel, ms.TranslatedManifoldKernel, ms.TangentKernel)
    ],
    # Smoothed scores
    (
        "no oracle",
        lambda: ms.SmoothedScore(ms.PointCloud([[1.0]]), KERNEL),
        TypeError,
        r"noised must be a NoisedMeasure; got PointCloud",
    ),
    (
        "no kernel",
        smoothed(0.1),
        TypeError,
        r"kernel must be a smoothing kernel, such as GaussianKernel\(0\.1\); got float",
    ),
    ("kernel elsewhere", smoothed(OTHER), ValueError, r"kernel lives in R\^3 but the measure lives in R\^4"),
    (
        "rule",
        smoothed(KERNEL, "magic"),
        ValueError,
        r"rule must be one of \['auto', 'quadrature', 'qmc', 'monte-carlo'\]; got 'magic'",
    ),
    (
        "rule an array",
        smoothed(KERNEL, np.zeros(2)),
        ValueError,
        r"rule must be one of \['auto', 'quadrature', 'qmc', 'monte-carlo'\]; got ndarray",
    ),
    (
        "fresh nodes a text",
        smoothed(KERNEL, fresh_nodes="no"),
        TypeError,
        "fresh_nodes must be True or False; got 'no'",
    ),
    (
        "quadrature in three dimensions",
        smoothed(KERNEL, "quadrature"),
        ValueError,
        r"rule 'quadrature' needs a point cloud and a Gaussian kernel of effective dimension at most 2; "
        r"got effective dimension 3",
    ),
    (
        "quadrature of given displacements",
        smoothed(GIVEN, "quadrature"),
        ValueError,
        r"rule 'quadrature' needs a point cloud and a Gaussian kernel of effective dimension at most 2; "
        r"got PointCloud\(4 points in R\^4\) and SampledKernel\(<3 displacements>\)",
    ),
    (
        "qmc of given displacements",
        smoothed(GIVEN, "qmc"),
        ValueError,
        r"rule 'qmc' needs a kernel that a Sobol sequence can be mapped to; got SampledKernel\(<3 displacements>\)",
    ),
    (
        "nodes of a sum",
        smoothed(GIVEN, nodes=10),
        ValueError,
        r"nodes must be left out for the rule 'exact', which has no sampling error",
    ),
    (
        "nodes of a quadrature",
        lambda: ms.SmoothedScore(ms.NoisedMeasure(ms.PointCloud([[1.0], [2.0]]), ms.BrownianMotion()), KERNEL, nodes=9),
        ValueError,
        r"nodes must be left out for the rule 'quadrature', which has no sampling error",
    ),
    (
        "nodes and tolerance",
        smoothed(KERNEL, nodes=9, tolerance=0.1),
        ValueError,
        r"nodes must be left out where a tolerance is given; got 9 and 0\.1",
    ),
    ("nodes zero", smoothed(KERNEL, nodes=0), ValueError, r"nodes must be at least 1; got 0"),
    ("tolerance", smoothed(KERNEL, tolerance=-1.0), ValueError, r"tolerance must be positive and finite; got -1\.0"),
    (
        "divergence of a kernel that moves",
        lambda: ms.SmoothedScore(NOISED, ms.TangentKernel(KERNEL, ms.Sphere(4))).score_divergence(np.ones(4), 0.1),
        TypeError,
        r"score_divergence needs a kernel that shifts x by independent noise; "
        r"got TangentKernel\(GaussianKernel\(0\.1\), Sphere\(4, radius=1\.0\)\)",
    ),
    (
        "smoothed x",
        lambda: ms.SmoothedScore(NOISED, KERNEL).score(np.ones(3), 0.1),
        ValueError,
        r"x has last dimension 3 but the measure lives in R\^4",
    ),
]

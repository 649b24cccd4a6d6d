"""How curves and surfaces are built."""

import numpy as np
import sympy as sp

import manifold_scores as ms

U, V, W = sp.symbols("u v w")
THIRD = sp.Rational(1, 3)


def stack(*columns):
    return np.stack(np.broadcast_arrays(*columns), -1)


def _curve(embedding, *domain, **options):
    return lambda: ms.Curve(embedding, domain or ((0.0, 1.0) if callable(embedding) else (U, 0, 1)), **options)


def _surface(embedding, first=None, second=None, **options):
    if callable(embedding):
        return lambda: ms.Surface(embedding, first or (0.0, 1.0), second or (0.0, 1.0), **options)
    return lambda: ms.Surface(embedding, first or (U, 0, 1), second or (V, 0, 1), **options)


def _noise():
    rng = np.random.default_rng(0)
    return lambda u: stack(u + 1e-3 * rng.standard_normal(u.shape), u)


REGULAR = r"embedding must be regular; it has a point of zero speed near u = \[{}\]"
FINITE = r"{} must be real and finite; it is not at u = {}"
SHAPE = r"embedding must map {} to shape \(n, d\), d >= 2; got {} for n = \d+"
ONE, TWO = r"an array of shape \(n,\)", r"an array of shape \(n,\) and an array of shape \(n,\)"
NUMBER = r"-?\d\.\d+(e-\d+)?"
AT_AN_ANGLE = "the ends of the embedding meet at an angle; a manifold has a tangent space everywhere"
SCALAR = "{} must consist of scalar SymPy expressions; got {}"
EMPTY = "{} must not be empty: lower < upper; got {} and {}"

REGULARITY = [
    ("cusp", _curve([U**2, U**3], U, -1, 1), ValueError, REGULAR.format(r"-?0\.0")),
    (
        "cusp at an irrational place",
        _curve([(U - 1 / sp.sqrt(2)) ** 2, (U - 1 / sp.sqrt(2)) ** 3]),
        ValueError,
        REGULAR.format(r"0\.707107"),
    ),
    ("cusp at the end", _curve([U**2, U**3]), ValueError, REGULAR.format(r"0\.0")),
    (
        "cusp of a function",
        _curve(lambda u: stack((u - np.pi / 4) ** 2, (u - np.pi / 4) ** 3)),
        ValueError,
        REGULAR.format(r"0\.785398"),
    ),
    ("constant", _curve(lambda u: stack(0 * u, 1)), ValueError, REGULAR.format(NUMBER)),
    ("constant expressions", _curve([sp.Integer(1), sp.Integer(2)]), ValueError, REGULAR.format(NUMBER)),
    (
        "poles of a sphere",
        _surface([sp.sin(U) * sp.cos(V), sp.sin(U) * sp.sin(V), sp.cos(U)], (U, 0, sp.pi), (V, 0, 2 * sp.pi)),
        ValueError,
        r"embedding must be regular; it has dependent tangent vectors near u = \[(0\.0|3\.141593), \d\.\d+\]",
    ),
    (
        "jump",
        _curve([sp.Piecewise((0, U < THIRD), (1, True)), U]),
        ValueError,
        r"the embedding must be continuous; it jumps by about 1\.\d\d",
    ),
    (
        "jump between two pieces",
        _curve(lambda u: stack(np.where(u < 0.5, 0.0, 1.0), u)),
        ValueError,
        r"embedding must be continuous; it jumps by 1 at u = \[0\.5\]",
    ),
    (
        "corner",
        _curve([U, sp.Abs(U - THIRD)]),
        ValueError,
        r"embedding must have a tangent everywhere; it has a corner at u = \[0\.333333\]",
    ),
    ("teardrop", _curve([U * (1 - U) * (2 * U - 1), U * (1 - U)]), ValueError, AT_AN_ANGLE),
    ("gutter of teardrops", _surface([U * (1 - U) * (2 * U - 1), U * (1 - U), V]), ValueError, AT_AN_ANGLE),
    (
        "figure eight",
        _curve([sp.sin(U), sp.sin(2 * U)], U, 0, 2 * sp.pi),
        ValueError,
        rf"embedding must not intersect itself; it does near u = \[?{NUMBER}\]? and u = \[?{NUMBER}\]?",
    ),
    (
        "turns too fast",
        _surface(
            [U + V, (U - V) ** 3 + (U - V) / 10**6, (U - V) ** 2],
            (U, -1, 1),
            (V, -1, 1),
        ),
        ValueError,
        rf"embedding must be regular; near u = \[{NUMBER}, {NUMBER}\] it turns too fast to tell its points apart",
    ),
    (
        "noise",
        _curve(_noise()),
        ValueError,
        "embedding could not be resolved to a relative accuracy of 2e-15 by 4096 polynomials; it has to be smooth, "
        "up to a few points of a curve",
    ),
    (
        "closed True",
        _curve([U, U**2], closed=True),
        ValueError,
        "closed is True but the ends of the embedding do not meet",
    ),
    (
        "closed False",
        _curve([sp.cos(U), sp.sin(U)], U, 0, 2 * sp.pi, closed=False),
        ValueError,
        "closed is False but the ends of the embedding meet, so that it would intersect itself",
    ),
    ("closed a string", _curve([U, U**2], closed="yes"), TypeError, "closed must be None, True or False; got 'yes'"),
    (
        "closed not a pair",
        _surface([U, V, U * V], closed=True),
        ValueError,
        "closed must be a pair, one entry for each parameter; got True",
    ),
    (
        "parameters too far apart",
        lambda: ms.Ellipse(1e10, 1.0),
        ValueError,
        r"a = 10000000000\.0, b = 1\.0: embedding must be regular; it has a point of zero speed near u = \[.*\]",
    ),
]

EMBEDDINGS = [
    (
        "NaN of an expression",
        _curve([sp.log(U), U], U, -1, 1),
        ValueError,
        FINITE.format("embedding", rf"\[{NUMBER}\]"),
    ),
    ("complex expressions", _curve([U, sp.I * U]), ValueError, FINITE.format("embedding", rf"\[{NUMBER}\]")),
    (
        "NaN of a function",
        _curve(lambda u: stack(np.where(u > 0.5, np.nan, u), u)),
        ValueError,
        FINITE.format("embedding", r"\[0\.[5-9]\d+\]"),
    ),
    (
        "inf on a surface",
        _surface(lambda u, v: stack(u, v, np.where(u > v, np.inf, u))),
        ValueError,
        FINITE.format("embedding", rf"\[{NUMBER}, {NUMBER}\]"),
    ),
    (
        "complex function",
        _curve(lambda u: stack(1j * u, u)),
        TypeError,
        "embedding must return real numbers; got dtype complex128",
    ),
    (
        "no argument taken",
        _curve(lambda: 1.0),
        TypeError,
        r"embedding must be a function of 1 argument\(s\): too many positional arguments",
    ),
    ("nothing returned", _curve(lambda u: None), TypeError, "embedding must return real numbers; got dtype object"),
    (
        "ragged",
        _curve(lambda u: [u, [1.0]]),
        ValueError,
        "embedding must return one array; got rows of different lengths",
    ),
    ("transposed", _curve(lambda u: np.stack([u, u])), ValueError, SHAPE.format(ONE, r"\(2, \d+\)")),
    ("one component", _curve(lambda u: u[:, None]), ValueError, SHAPE.format(ONE, r"\(2, 1\)")),
    ("flat", _curve(lambda u: u), ValueError, SHAPE.format(ONE, r"\(2,\)")),
    ("transposed surface", _surface(lambda u, v: np.stack([u, v, u])), ValueError, SHAPE.format(TWO, r"\(3, 2\)")),
    (
        "too large",
        _curve([U * 10**60, U]),
        ValueError,
        r"embedding must not exceed 1e\+50 in absolute value; got \d.*e\+59",
    ),
    (
        "nothing",
        _curve(None),
        TypeError,
        "embedding must be a list of SymPy expressions or a function; got NoneType",
    ),
    ("a string", _curve("u"), TypeError, "embedding must be a list of SymPy expressions or a function; got str"),
    ("strings", _curve(["u", "u**2"]), TypeError, SCALAR.format("embedding", "str")),
    ("nested", _curve([[U, U]]), TypeError, SCALAR.format("embedding", "list")),
    ("a relation", _curve([U > 0, U]), TypeError, SCALAR.format("embedding", "StrictGreaterThan")),
    ("one expression", _curve([U]), ValueError, "embedding must have at least two expressions; got 1"),
    ("another symbol", _curve([U, W]), ValueError, "embedding must depend on u alone; it has w"),
    ("another symbol on a surface", _surface([U, V, W]), ValueError, "embedding must depend on u, v alone; it has w"),
    (
        "undefined function",
        _curve([sp.Function("g")(U), U]),
        ValueError,
        "embedding must consist of functions that numpy can evaluate; name 'g' is not defined",
    ),
]

DOMAINS = [
    ("empty domain", _curve([U, U**2], U, 1, 1), ValueError, EMPTY.format("domain", "1.0", "1.0")),
    ("reversed domain", _curve([U, U**2], U, 1, 0), ValueError, EMPTY.format("domain", "1.0", "0.0")),
    (
        "empty domain of a function",
        _curve(lambda u: stack(u, u), 1.0, 1.0),
        ValueError,
        EMPTY.format("domain", "1.0", "1.0"),
    ),
    ("empty first", _surface([U, V, U * V], (U, 1, 1)), ValueError, EMPTY.format("first", "1.0", "1.0")),
    ("empty second", _surface([U, V, U * V], None, (V, 2, 1)), ValueError, EMPTY.format("second", "2.0", "1.0")),
    ("infinite end", _curve([U, U**2], U, 0, sp.oo), ValueError, "domain must have finite real ends; got 0 and oo"),
    ("complex end", _curve([U, U**2], U, 0, sp.I), ValueError, "domain must have finite real ends; got 0 and I"),
    ("symbolic end", _curve([U, U**2], U, 0, V), ValueError, "domain must have finite real ends; got 0 and v"),
    ("string end", _curve([U, U**2], U, 0, "1"), TypeError, SCALAR.format("domain", "str")),
    (
        "NaN end",
        _curve(lambda u: stack(u, u), 0.0, np.nan),
        ValueError,
        r"domain must be finite; got 1 value\(s\) that are not, the first is nan",
    ),
    (
        "no symbol",
        _curve([U, U**2], 0, 1),
        ValueError,
        r"domain must be \(symbol, lower, upper\) for SymPy expressions; got \(0, 1\)",
    ),
    (
        "symbols twice",
        _surface([U, U**2, U**3], None, (U, 0, 1)),
        ValueError,
        "first and second must have different symbols; both have u",
    ),
]

CASES = [*REGULARITY, *EMBEDDINGS, *DOMAINS]

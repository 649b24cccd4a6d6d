"""Smoothed tilts of weighted points, by adaptive Gauss-Kronrod rules along rays, that share no code with the package.

    smoothed(points, z, s, kernel, weights)   E of the tilt at z + xi, xi ~ N(0, kernel^2 I) (or N(0, kernel), a matrix)
    by_samples(points, z, s, kernel, weights) the same by plain Monte Carlo in all d coordinates, with standard errors
    by_grid(points, z, s, kernel, weights)    the same by a Gauss-Hermite grid in all d coordinates, for large s only

With xi = L eta, eta ~ N(0, I), the logits log w_i - |z + xi - y_i|^2 / 2s are a_i + <b_i, eta> + a common term, where
b_i = L'(y_i - y_r) / s for the point y_r that leads at z; the common term adds -tr(Sigma) / 2s to the mean of the
log-sum. What is left is a Gaussian integral over the span of the b_i. In one dimension it is taken along the line; in
two, in polar coordinates about z: an inner rule along rays, with panels split at the walls that the ray crosses and
graded to their widths, inside an outer rule in the angle, with panels split at the directions of the vertices of the
power diagram, graded likewise, and of its walls. Both are adaptive.

Adaptive rules do not see what falls between their nodes. What would: Stein's identity
E <eta, mean of b> = E tr Cov of b, whose two sides are integrated as quantities of
their own; `Smoothed.stein` is their difference.
"""

from typing import NamedTuple

import numpy as np

REACH = 10.0
"""The integral stops at |eta| = 10, beyond which there is mass 2e-22."""

GRADING = np.array([-36.0, -20.0, -10.0, -4.0, 0.0, 4.0, 10.0, 20.0, 36.0])
"""Edges of the panels about a wall in units of its width: a term e^-36 below the others is lost in rounding."""

NEGLIGIBLE = 36.0
"""Logits this far below the largest do not count."""

SMOOTH = 0.6
"""Walls wider than this, in standard deviations of the kernel, are no reason to split a panel."""

INNER = 1e-13
"""Share of each quantity's scale to which a ray is integrated."""

BLOCK = 200_000
"""Numbers held at a time by the evaluation of panels."""

# Kronrod's rule of 21 points and Gauss's of 10 within it (QUADPACK, qk21), from the outermost positive node inwards.
_NODES = (
    0.995657163025808080735527280689003, 0.973906528517171720077964012084452, 0.930157491355708226001207180059508,
    0.865063366688984510732096688423493, 0.780817726586416897063717578345042, 0.679409568299024406234327365114874,
    0.562757134668604683339000099272694, 0.433395394129247190799265943165784, 0.294392862701460198131126603103866,
    0.14887433898163121088482600112972,
)  # fmt: skip
_KRONROD = (
    0.011694638867371874278064396062192, 0.03255816230796472747881897245939, 0.05475589657435199603138130024458,
    0.07503967481091995276704314091619, 0.093125454583697605535065465083366, 0.109387158802297641899210590325805,
    0.123491976262065851077958109585166, 0.134709217311473325928054001771707, 0.142775938577060080797094273138717,
    0.147739104901338491374841515972068,
)  # fmt: skip
_CENTRE = 0.149445554002916905664936468389821
_GAUSS = (
    0.066671344308688137593568809893332, 0.149451349150580593145863396957698, 0.219086362515982043995534934228163,
    0.269266719309996355091226921569469, 0.295524224714752870173815619188769,
)  # fmt: skip

NODES = np.array([-x for x in _NODES] + [0.0] + list(_NODES[::-1]))
KRONROD = np.array([*_KRONROD, _CENTRE, *_KRONROD[::-1]])
GAUSS = np.zeros(21)
GAUSS[1:10:2] = _GAUSS
GAUSS[11:20:2] = _GAUSS[::-1]


class Smoothed(NamedTuple):
    """Means over the kernel, and estimates of their errors (upper bounds in practice).

    mean: the posterior mean (d,), and a bound of the length of its error; log_sum: of log sum_i w_i exp(-|.|^2 / 2s)
    with the weights normalised to sum 1; trace: of the trace of the posterior covariance; stein: the relative
    difference of the two sides of Stein's identity, which no rule knows of.
    """

    mean: np.ndarray
    log_sum: float
    trace: float
    mean_error: float
    log_sum_error: float
    trace_error: float
    stein: float = 0.0


class _Lines:
    """Affine logits a_i + <b_i, eta> on R^k, and the quantities at a softmax of them."""

    def __init__(self, points, z, s, kernel, weights, reduce):
        points = np.asarray(points, dtype=np.float64)
        keep = np.ones(len(points), dtype=bool) if weights is None else np.asarray(weights) > 0
        shares = np.ones(len(points)) if weights is None else np.asarray(weights, dtype=np.float64)
        points, shares = points[keep], shares[keep] / np.sum(shares[keep])
        n, d = points.shape
        kernel = np.asarray(kernel, dtype=np.float64)
        self.ratio = float(kernel / s) ** 2 if kernel.ndim == 0 else None
        if kernel.ndim == 0:
            factor, self.kernel_trace = kernel * np.eye(d), d * float(kernel) ** 2
        else:
            values, vectors = np.linalg.eigh(kernel)
            factor, self.kernel_trace = vectors * np.sqrt(np.maximum(values, 0.0)), float(np.trace(kernel))
        # Long double keeps the walls where the float64 points put them.
        wide, centre = points.astype(np.longdouble), np.asarray(z, dtype=np.longdouble)
        exponents = np.log(shares.astype(np.longdouble)) - np.sum((wide - centre) ** 2, axis=1) / (2 * s)
        self.best = int(np.argmax(exponents))
        self.top = float(exponents[self.best]) - self.kernel_trace / (2 * s)
        reference = wide[self.best]
        gaps = np.sum((wide - reference) * ((wide - centre) + (reference - centre)), axis=1)
        self.a = np.asarray(np.log(shares / shares[self.best]) - gaps / (2 * s), dtype=np.float64)
        self.origin, offsets = points[self.best], points - points[self.best]
        self.b = offsets @ factor / s
        if reduce or self.b.shape[1] > 2:
            self.b = _coordinates(self.b)[0]
        self.y, self.basis = _coordinates(offsets)
        self.spread = float(np.max(np.linalg.norm(offsets, axis=1), initial=0.0))
        self.square = _half_squares(offsets)
        self.slope_square = _half_squares(self.b)
        self.first, self.second = np.triu_indices(n, 1)

    def evaluate(self, radius, directions):
        """Quantities at eta = radius * direction, and what rounding of the logits can do to them.

        Quantities: coordinates of f - y_r, log-sum, tr Cov, tr Cov of b, <eta, mean of b>.
        """
        slopes = self.b @ directions.T
        share = slopes[..., None] * radius + self.a[:, None, None]
        n, panels, nodes = share.shape
        top = np.max(share, axis=0)
        share -= top
        np.exp(share, out=share)
        # Rounding of the logits that count, from the ends and the middle of each panel.
        eps = np.finfo(float).eps
        sizes = np.abs(self.a)[:, None, None] + np.abs(slopes[..., None] * radius[:, (0, 10, 20)])
        unit = eps * (1.0 + np.max(sizes * (share[..., (0, 10, 20)] > 1e-17), axis=(0, 2)))[None, :, None]
        total = np.sum(share, axis=0)
        share /= total
        flat = share.reshape(n, -1)
        mean, slope = (columns.T @ flat for columns in (self.y, self.b))
        mean, slope = mean.reshape(-1, panels, nodes), slope.reshape(-1, panels, nodes)
        log_sum = (top + np.log(total))[None]
        trace = np.sum((self.square @ flat) * flat, axis=0).reshape(1, panels, nodes)
        if self.ratio is None:
            slope_trace = np.sum((self.slope_square @ flat) * flat, axis=0).reshape(1, panels, nodes)
        else:
            slope_trace = self.ratio * trace
        stein = radius * np.sum(slope * directions.T[..., None], axis=0, keepdims=True)
        moved = unit * trace / max(self.spread, np.finfo(float).tiny)
        turned = unit * slope_trace * (1.0 + np.abs(radius))
        values = np.concatenate([mean, log_sum, trace, slope_trace, stein])
        noise = [np.broadcast_to(moved, mean.shape), np.broadcast_to(unit, log_sum.shape), unit * trace, turned, turned]
        return values, np.concatenate(noise) + 10 * eps * np.abs(values)

    def scales(self, values):
        """Scales of the quantities, given estimates of them: those to which errors are compared."""
        scale = np.abs(values)
        k = self.y.shape[1]
        scale[:k] = self.spread
        scale[k] = max(1.0, scale[k])
        scale[k + 1] = max(scale[k + 1], 1e-20 * self.spread**2)
        scale[k + 2 :] = max(scale[k + 2], 1e-20 * float(np.max(self.slope_square, initial=0.0)))
        return np.maximum(scale, np.finfo(float).tiny)


def _half_squares(vectors):
    """Halves of the squared distances of all pairs."""
    return 0.5 * np.sum((vectors[:, None, :] - vectors[None, :, :]) ** 2, axis=-1)


def _coordinates(vectors):
    """Coordinates of vectors in an orthonormal basis of their span, and that basis, a vector a row."""
    if not np.any(vectors):
        return np.zeros((len(vectors), 1)), np.zeros((1, vectors.shape[1]))
    _, singular, rows = np.linalg.svd(vectors, full_matrices=False)
    # A direction in which the points differ by rounding alone is none.
    basis = rows[singular > 4.0 * np.finfo(float).eps * singular[0] * np.sqrt(max(vectors.shape))]
    return vectors @ basis.T, basis


def smoothed(points, z, s, kernel, weights=None, tolerance=1e-11, reduce=True):
    """Means over the kernel of the tilt of weighted points, to `tolerance` of their scales.

    points (N, d), of which the affine hull has dimension at most 2; z (d,); s the effective variance; kernel a
    scale h or a covariance (d, d), both in the coordinates of z. The scales: the diameter of the cloud; 1 or the excess
    of the log-sum over the logit of the point that leads at z, the larger; and the trace itself down to 1e-20 of the
    diameter squared. `reduce=False` keeps both coordinates of a cloud in the plane even if it lies on a line.

    The errors returned are estimates of both rules and of the rounding of the logits, which move the walls by
    machine precision and no more. Worst difference of Stein's sides over N = 2..15, s = 1e-6..10 and h = 1e-3..10
    nearest-neighbour distances: 1.3e-11 of the trace. Takes 0.01 to 10 s of a core, most for small s and large h.
    """
    lines = _Lines(points, z, s, kernel, weights, reduce)
    k = lines.b.shape[1]
    if k == 1:
        value, error = _line(lines)
    elif k == 2:
        value, error = _plane(lines, tolerance)
    else:
        raise ValueError(f"the points span {k} dimensions, more than 2")
    m = lines.y.shape[1]
    rounding = 4.0 * np.finfo(float).eps
    left, right = value[m + 2], value[m + 3]
    return Smoothed(
        mean=lines.origin + value[:m] @ lines.basis,
        log_sum=lines.top + float(value[m]),
        trace=float(value[m + 1]),
        mean_error=float(np.linalg.norm(error[:m])) + rounding * float(np.max(np.abs(points))),
        log_sum_error=float(error[m]) + rounding * abs(lines.top),
        trace_error=float(error[m + 1]) + rounding * float(value[m + 1]) + np.exp(-(REACH**2) / 2) * lines.spread**2,
        stein=float(abs(left - right) / lines.scales(value)[m + 2]),
    )


def _line(lines):
    """Integral over the line against the normal density."""
    start = np.array([-REACH])
    values, errors = _along_rays(lines, np.ones((1, 1)), start, lambda r: np.exp(-0.5 * r * r) / np.sqrt(2 * np.pi))
    return values[0], errors[0]


def _plane(lines, tolerance):
    """Integral over the plane in polar coordinates: a ring of panels in the angle, split where they are too coarse."""
    edges = _directions(lines)
    left, right = edges[:-1], edges[1:]
    done = None
    while True:
        angles = 0.5 * (left + right)[:, None] + 0.5 * (right - left)[:, None] * NODES
        rays = np.stack([np.cos(angles.ravel()), np.sin(angles.ravel())], axis=1)
        values, errors = _along_rays(lines, rays, np.zeros(len(rays)), lambda r: r * np.exp(-0.5 * r * r) / (2 * np.pi))
        half = 0.5 * (right - left)[:, None]
        value, gap = _kronrod(values.T.reshape(-1, len(left), 21), half)
        inner = half * (errors.T.reshape(-1, len(left), 21) @ KRONROD).T
        panels = (left, right, value, gap, inner)
        done = panels if done is None else tuple(np.concatenate(pair) for pair in zip(done, panels, strict=True))
        left, right, value, gap, inner = done
        total = np.sum(value, axis=0)
        relative = gap / lines.scales(total)
        if np.all(np.sum(relative, axis=0) <= tolerance):
            break
        split = np.any(relative > 0.2 * tolerance / len(left), axis=1) & (right - left > 1e-13)
        if not np.any(split):
            break
        middle = 0.5 * (left + right)[split]
        done = tuple(column[~split] for column in done)
        left, right = np.concatenate([left[split], middle]), np.concatenate([middle, right[split]])
    return total, np.sum(gap + inner, axis=0)


def _kronrod(values, half):
    """Integrals (panels, q) of values (q, panels, 21), and QUADPACK's estimates of their errors."""
    value = half * (values @ KRONROD).T
    gap = np.abs(value - half * (values @ GAUSS).T)
    size = half * (np.abs(values) @ KRONROD).T
    bound = np.where(size > 0, size, 1.0)
    return value, np.minimum(gap, bound * np.minimum(1.0, (200.0 * gap / bound) ** 1.5))


def _along_rays(lines, rays, start, density):
    """Integrals of the quantities from `start` to REACH along each ray, and estimates of their errors."""
    count, quantities = len(rays), lines.y.shape[1] + 4
    values, errors = np.zeros((count, quantities)), np.zeros((count, quantities))
    owner, left, right = _panels(lines, rays, start)
    scale = None
    for _ in range(60):
        value, gap, noise = (np.empty((len(left), quantities)) for _ in range(3))
        step = max(1, BLOCK // (21 * len(lines.a)))
        for low in range(0, len(left), step):
            part = slice(low, low + step)
            half = 0.5 * (right - left)[part, None]
            radius = 0.5 * (left + right)[part, None] + half * NODES
            weight = density(radius)
            integrand, rounding = lines.evaluate(radius, rays[owner[part]])
            value[part], gap[part] = _kronrod(integrand * weight, half)
            noise[part] = half * ((rounding * weight) @ KRONROD).T
        if scale is None:
            # The mean over rays is what counts: a ray on which a quantity vanishes needs no digits of it.
            scale = INNER * lines.scales(np.sum(value, axis=0) / count)
        goal = scale * ((right - left) / (REACH - start[owner]))[:, None]
        # Differences of the two rules that rounding explains are no reason to split.
        split = np.any(gap > np.maximum(goal, 4.0 * noise), axis=1)
        split &= right - left > 1e-14
        np.add.at(values, owner[~split], value[~split])
        np.add.at(errors, owner[~split], np.maximum(gap, noise)[~split])
        if not np.any(split):
            return values, errors
        if np.count_nonzero(split) > 10 * (count + 100) * len(lines.a):
            break
        middle = 0.5 * (left + right)[split]
        owner = np.concatenate([owner[split], owner[split]])
        left, right = np.concatenate([left[split], middle]), np.concatenate([middle, right[split]])
    raise ArithmeticError("a ray has not converged")


def _panels(lines, rays, start):
    """First panels of every ray (its number, and the two ends), graded at the walls that it crosses."""
    owners, ends, least = [], [], []

    def add(ray, where, width):
        owners.append(np.repeat(ray, len(GRADING)))
        ends.append((where[:, None] + width[:, None] * GRADING).ravel())
        least.append(np.repeat(0.5 * width, len(GRADING)))

    slopes = rays @ lines.b.T
    i, j = lines.first, lines.second
    step = max(1, BLOCK // max(1, len(i) * len(lines.a)))
    for low in range(0, len(rays), step):
        part = slopes[low : low + step]
        slope = part[:, i] - part[:, j]
        with np.errstate(divide="ignore", invalid="ignore"):
            crossing = (lines.a[j] - lines.a[i]) / slope
            width = 1.0 / np.abs(slope)
            level = lines.a[i] + part[:, i] * crossing
            over = np.max(lines.a + part[:, None, :] * crossing[..., None], axis=-1) - level
            keep = (over < 1.0) & (crossing > start[low : low + step, None] - NEGLIGIBLE * width)
            keep &= (crossing < REACH + NEGLIGIBLE * width) & (width < SMOOTH)
        ray, pair = np.nonzero(keep)
        where, slope = crossing[ray, pair], part[ray]
        add(ray + low, where, width[ray, pair])
        # A third point may count near the crossing alone, and fade along the ray more slowly than the two cross.
        gap = level[ray, pair][:, None] - lines.a - slope * where[:, None]
        for one in (i[pair], j[pair]):
            with np.errstate(divide="ignore"):
                fading = 1.0 / np.abs(slope - slope[np.arange(len(ray)), one][:, None])
            seen = (gap < NEGLIGIBLE) & (fading > 1.5 * width[ray, pair][:, None]) & (fading < SMOOTH)
            row, _ = np.nonzero(seen)
            add(ray[row] + low, where[row], fading[seen])
    steps = np.linspace(0.0, 1.0, 5)
    owners.append(np.repeat(np.arange(len(rays)), len(steps)))
    ends.append((start[:, None] + (REACH - start)[:, None] * steps).ravel())
    least.append(np.full(len(rays) * len(steps), 1e-14))
    owner, end, least = np.concatenate(owners), np.concatenate(ends), np.concatenate(least)
    end = np.clip(end, start[owner], REACH)
    least[(end == start[owner]) | (end == REACH)] = 0.0
    owner, end = _thinned(owner, end, least)
    same = owner[1:] == owner[:-1]
    return owner[:-1][same], end[:-1][same], end[1:][same]


def _directions(lines):
    """Angles at which the ring is split first: vertices and walls of the power diagram, and eighths."""
    angles, least = [np.linspace(0.0, 2 * np.pi, 9)], [np.zeros(9)]
    a, b = lines.a, lines.b
    i, j = lines.first, lines.second
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        # Walls: base + t along, of which some stretch within reach is nobody else's.
        normal = b[i] - b[j]
        length = np.linalg.norm(normal, axis=1, keepdims=True)
        unit = normal / length
        base = unit * ((a[j] - a[i])[:, None] / length)
        along = np.stack([-unit[:, 1], unit[:, 0]], axis=1)
        lead = a + base @ b.T - (a[i] + np.sum(base * b[i], axis=1))[:, None] - 1.0
        speed = along @ b.T - np.sum(along * b[i], axis=1)[:, None]
        root = -lead / speed
        upper = np.min(np.where(speed > 0, root, np.where((speed == 0) & (lead > 0), -np.inf, np.inf)), axis=1)
        lower = np.max(np.where(speed < 0, root, -np.inf), axis=1)
        real = (np.maximum(lower, -REACH) < np.minimum(upper, REACH)) & (np.linalg.norm(base, axis=1) < REACH)
        real &= length[:, 0] > 1.0 / SMOOTH
        for sign in (1.0, -1.0):
            angles.append(np.arctan2(sign * along[real, 1], sign * along[real, 0]))
            least.append(np.full(np.count_nonzero(real), 1e-13))
        # Vertices: every triple, kept where nobody else is far above.
        n = len(a)
        p, q, r = (index.ravel() for index in np.meshgrid(np.arange(n), np.arange(n), np.arange(n), indexing="ij"))
        ordered = (p < q) & (q < r)
        p, q, r = p[ordered], q[ordered], r[ordered]
        u, v = b[q] - b[p], b[r] - b[p]
        determinant = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
        g, h = a[p] - a[q], a[p] - a[r]
        vertex = np.stack([g * v[:, 1] - h * u[:, 1], h * u[:, 0] - g * v[:, 0]], axis=1) / determinant[:, None]
        over = np.max(a + vertex @ b.T, axis=1) - (a[p] + np.sum(vertex * b[p], axis=1))
        real = (over < 5.0) & (np.linalg.norm(vertex, axis=1) < REACH)
        vertex, corners = vertex[real], b[np.stack([p, q, r])[:, real]]
        distance = np.linalg.norm(vertex, axis=1)
        turn = np.arctan2(vertex[:, 1], vertex[:, 0])[:, None]
        # No node outside the neighbourhood of a vertex sees it, and it holds a share of the trace of its own width: of
        # a wall that ends there, in the angle, the inverse of the rate at which the third logit falls behind.
        for k in range(3):
            wall = corners[k] - corners[k - 1]
            along = np.stack([-wall[:, 1], wall[:, 0]], axis=1) / np.linalg.norm(wall, axis=1, keepdims=True)
            rate = np.abs(np.sum((corners[k - 2] - corners[k]) * along, axis=1))
            sine = np.abs(vertex[:, 0] * along[:, 1] - vertex[:, 1] * along[:, 0]) / distance
            size = (sine / (rate * distance))[:, None]
            near = turn + size * GRADING
            keep = (np.abs(near - turn) < 0.5) & (size < SMOOTH / 4)
            angles.append(near[keep])
            least.append(np.broadcast_to(0.5 * size, near.shape)[keep])
    turns = np.mod(np.concatenate(angles), 2 * np.pi)
    turns[8] = 2 * np.pi
    return _thinned(np.zeros(len(turns), dtype=int), turns, np.concatenate(least))[1]


def _thinned(owner, end, least):
    """Sorted edges without those that follow another of the same owner by less than they need; `least` 0 stays.

    Where this is one edge too many, panels are split later.
    """
    order = np.lexsort((end, owner))
    owner, end, least = owner[order], end[order], least[order]
    same, step = owner[1:] == owner[:-1], end[1:] - end[:-1]
    keep = np.concatenate([[True], ~same | (step > least[1:])])
    fixed = (least == 0.0) & np.concatenate([[True], ~same | (step > 0.0)])
    keep |= fixed
    return owner[keep], end[keep]


def _in_all_coordinates(points, z, s, weights, displacements):
    """(f, log-sum, tr Cov) at z + each displacement, straight from the definitions."""
    points = np.asarray(points, dtype=np.float64)
    shares = np.ones(len(points)) if weights is None else np.asarray(weights, dtype=np.float64)
    where = np.asarray(z) + displacements
    squares = np.sum((where[:, None, :] - points) ** 2, axis=-1)
    with np.errstate(divide="ignore"):
        logits = np.log(shares / np.sum(shares)) - squares / (2 * s)
    top = np.max(logits, axis=1, keepdims=True)
    share = np.exp(logits - top)
    total = np.sum(share, axis=1, keepdims=True)
    share /= total
    trace = np.sum((share @ _half_squares(points)) * share, axis=1)
    return np.column_stack([share @ points, top + np.log(total), trace])


def _factor(kernel, d):
    """A square root of the covariance of the kernel."""
    kernel = np.asarray(kernel, dtype=np.float64)
    if kernel.ndim == 0:
        return kernel * np.eye(d)
    values, vectors = np.linalg.eigh(kernel)
    return vectors * np.sqrt(np.maximum(values, 0.0))


def by_samples(points, z, s, kernel, weights=None, count=200_000, seed=0):
    """Monte Carlo in all coordinates; the errors are standard errors (of the mean: the root of the sum of squares)."""
    d = np.shape(points)[1]
    noise = np.random.default_rng(seed).standard_normal((count, d)) @ _factor(kernel, d).T
    rows = _in_all_coordinates(points, z, s, weights, noise)
    value, error = np.mean(rows, axis=0), np.std(rows, axis=0) / np.sqrt(count)
    return Smoothed(value[:d], value[d], value[d + 1], float(np.linalg.norm(error[:d])), error[d], error[d + 1])


def by_grid(points, z, s, kernel, weights=None, nodes=40):
    """Gauss-Hermite in all coordinates; the errors are differences from the rule with 3/4 of the nodes."""
    d = np.shape(points)[1]
    results = []
    for n in (nodes, 3 * nodes // 4):
        x, w = np.polynomial.hermite_e.hermegauss(n)
        grid = np.stack(np.meshgrid(*[x] * d, indexing="ij"), axis=-1).reshape(-1, d)
        mass = np.prod(np.stack(np.meshgrid(*[w / np.sum(w)] * d, indexing="ij"), axis=-1).reshape(-1, d), axis=1)
        results.append(mass @ _in_all_coordinates(points, z, s, weights, grid @ _factor(kernel, d).T))
    value, error = results[0], np.abs(results[0] - results[1])
    return Smoothed(value[:d], value[d], value[d + 1], float(np.linalg.norm(error[:d])), error[d], error[d + 1])

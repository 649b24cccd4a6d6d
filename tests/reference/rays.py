"""Softmax of logits that are linear in a normal vector, integrated along rays by adaptive rules.

Panels are split first at the walls that a ray crosses, where two of the largest logits are equal, graded to the width
over which the softmax passes from one to the other; then wherever the two rules differ by more than rounding explains.
"""

import numpy as np

from .kronrod import KRONROD, NODES, integrals

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


class Lines:
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
        self.square = half_squares(offsets)
        self.slope_square = half_squares(self.b)
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


def half_squares(vectors):
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


def along_rays(lines, rays, start, density):
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
            value[part], gap[part] = integrals(integrand * weight, half)
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
    owner, end = thinned(owner, end, least)
    same = owner[1:] == owner[:-1]
    return owner[:-1][same], end[:-1][same], end[1:][same]


def thinned(owner, end, least):
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

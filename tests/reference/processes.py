"""Noising processes X_t | X_0 = y ~ N(alpha y, sigma^2 I): alpha, sigma^2 and s = sigma^2 / alpha^2."""

from mpmath import mp, mpf

from .arithmetic import exact
from .records import Input


class _Process:
    """Shared: effective variance, and the float64 parameters as inputs."""

    names = ()

    def __init__(self, *parameters):
        self.parameters = exact(list(parameters))

    def effective_variance(self, t):
        return self.noise_variance(t) / self.signal_scale(t) ** 2

    def inputs(self):
        found = []
        for i, (name, value) in enumerate(zip(self.names, self.parameters, strict=True)):

            def move(h, i=i):
                return type(self)(*[p + h if j == i else p for j, p in enumerate(self.parameters)])

            found.append(Input(name, abs(value), [move]))
        return found


FAINTEST = mpf(10) ** -160
"""Smallest signal scale: below, the data move no target by more than about 1e-150, and exact digits are only slow."""


class OrnsteinUhlenbeck(_Process):
    """dX = -a X dt + dW."""

    names = ("rate",)

    def __init__(self, rate=0.5):
        super().__init__(rate)

    def signal_scale(self, t):
        return max(FAINTEST, mp.exp(-self.parameters[0] * t))

    def noise_variance(self, t):
        rate = self.parameters[0]
        return -mp.expm1(-2 * rate * t) / (2 * rate)


class BrownianMotion(_Process):
    """dX = dW."""

    def signal_scale(self, t):
        return mpf(1)

    def noise_variance(self, t):
        return +t


class VariancePreserving(_Process):
    """dX = -beta(t) X / 2 dt + sqrt(beta(t)) dW with beta(t) = beta_min + t (beta_max - beta_min)."""

    names = ("beta_min", "beta_max")

    def __init__(self, beta_min=0.1, beta_max=20.0):
        super().__init__(beta_min, beta_max)

    def _integral(self, t):
        beta_min, beta_max = self.parameters
        return beta_min * t + (beta_max - beta_min) * t * t / 2

    def signal_scale(self, t):
        return max(FAINTEST, mp.exp(-self._integral(t) / 2))

    def noise_variance(self, t):
        return -mp.expm1(-self._integral(t))


class LinearInterpolant(_Process):
    """X_t = (1 - t) X_0 + t noise, 0 < t < 1."""

    def signal_scale(self, t):
        return 1 - t

    def noise_variance(self, t):
        return t * t

"""What an evaluation found, as numbers, as a table and as a plot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import arrays
from ..arrays import FloatArray
from .errors import TargetErrors, finite
from .predictions import TARGETS
from .samples import SampleErrors, Spread

__all__ = ["Evaluation"]


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """Errors of a model against the exact answer; `print` shows them as a table.

    Attributes
    ----------
    model, noised : what was compared with what, as texts.
    predicts : what the model predicts; the other two targets follow from it.
    n : the number of points drawn from p_t at every time.
    times : (T,).
    points : fixed points of which `at_points` of the targets speak, (k, d).
    posterior_mean, score, noise : the errors of each target, `TargetErrors`.
    samples : `SampleErrors`, or None if no samples were judged.
    """

    model: str
    noised: str
    predicts: str
    n: int
    times: FloatArray
    points: FloatArray
    posterior_mean: TargetErrors
    score: TargetErrors
    noise: TargetErrors
    samples: SampleErrors | None

    def __str__(self) -> str:
        return self.table()

    def __repr__(self) -> str:
        return f"Evaluation({self.model}, {len(self.times)} time(s), {self.n} points each)"

    def table(self, *, components: bool = False) -> str:
        """Return a text with a line for every time and target, and what is known of samples.

        Parameters
        ----------
        components : add a line for every coordinate (numbered from 0).
        """
        components = arrays.flag("components", components)
        rows = [("t", "target", "error in L2(p_t)", "relative", "median relative", "largest")]
        for k in np.argsort(-self.times, kind="stable"):
            for name in TARGETS:
                errors: TargetErrors = getattr(self, name)
                rows.append(
                    (
                        f"{self.times[k]:.4g}", name.replace("_", " "),
                        _pair(errors.absolute[k], errors.absolute_error[k]),
                        _pair(errors.relative[k], errors.relative_error[k]),
                        _pair(errors.median[k], errors.median_error[k]), f"{errors.largest[k]:.2e}",
                    )
                )  # fmt: skip
                for j in range(errors.component_absolute.shape[1] if components else 0):
                    absolute = _pair(errors.component_absolute[k, j], errors.component_absolute_error[k, j])
                    relative = _pair(errors.component_relative[k, j], errors.component_relative_error[k, j])
                    rows.append(("", f"  component {j}", absolute, relative, "", ""))
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = [f"{self.model}, which predicts the {self.predicts.replace('_', ' ')},", f"against {self.noised}"]
        lines += [f"{self.n} points a time"]
        lines += [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
        ]
        return "\n".join(lines + ([] if self.samples is None else _sample_lines(self.samples)))

    def plot(self, ax: Any = None, *, relative: bool = True) -> Any:
        """Plot the errors in L2(p_t) of all three targets against time, with standard errors; return the axes.

        Parameters
        ----------
        ax : matplotlib axes; by default those of a new figure.
        relative : whether the errors are relative to the size of the target.
        """
        relative = arrays.flag("relative", relative)
        if ax is None:
            import matplotlib.pyplot as plt

            ax = plt.figure(layout="constrained").add_subplot()
        order = np.argsort(self.times)
        kind = "relative" if relative else "absolute"
        for name in TARGETS:
            errors: TargetErrors = getattr(self, name)
            value, error = getattr(errors, kind)[order], getattr(errors, kind + "_error")[order]
            shown = np.isfinite(value) & (value > 0.0)  # the axes are logarithmic
            ax.errorbar(
                self.times[order][shown], value[shown], np.nan_to_num(error[shown], posinf=0.0), marker=".", capsize=2,
                label=name.replace("_", " "),
            )  # fmt: skip
        ax.set(xscale="log", yscale="log", xlabel="t", ylabel=f"{kind} error in L2(p_t)")
        ax.legend()
        return ax

    def to_dict(self) -> dict[str, Any]:
        """Return everything as what `json.dump` takes; numbers that are not finite become None."""
        found: dict[str, Any] = {
            name: finite(getattr(self, name)) for name in ("model", "noised", "predicts", "n", "times", "points")
        }
        found |= {name: getattr(self, name).to_dict() for name in TARGETS}
        return found | {"samples": None if self.samples is None else self.samples.to_dict()}


def _pair(value: Any, error: Any) -> str:
    return f"{value:.3e} ± {error:.0e}"


def _sample_lines(samples: SampleErrors) -> list[str]:
    lines = [f"{samples.n} samples"]
    for name, spread in (("M", samples.distance), ("the nearest training point", samples.training_distance)):
        if isinstance(spread, Spread):
            lines.append(
                f"  distance to {name}: mean {_pair(spread.mean, spread.mean_error)}, median {spread.median:.3e}, "
                f"largest {spread.largest:.2e}"
            )
    if samples.pollution is not None:
        far = f"{samples.pollution_factor:g} sigma_min = {samples.pollution_factor * samples.sigma_min:.3g}"
        lines.append(f"  pollution, farther than {far} from M: {samples.pollution:.4f} ± {samples.pollution_error:.4f}")
    lines.append(
        f"  coverage: {samples.coverage:.4f} ± {samples.coverage_error:.4f} "
        f"({samples.coverage_expected:.4f} expected of exact samples)"
    )
    return lines

"""report.html: every claim of a run with its checks and figure, in one file that needs no other."""

from __future__ import annotations

import base64
import html
import platform
from pathlib import Path

import numpy as np

import manifold_scores as ms

from .record import Check, Observation, Outcome

_STYLE = """
:root { --ink: #1f2933; --soft: #5f6c7b; --line: #dde3ea; --pass: #00694f; --fail: #b3261e; --paper: #ffffff; }
* { box-sizing: border-box; }
body { margin: 0; background: #f4f6f8; color: var(--ink); font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { font-size: 26px; margin: 0 0 4px; }
h2 { font-size: 20px; margin: 0 0 2px; }
h3 { font-size: 15px; margin: 22px 0 6px; }
section, nav { background: var(--paper); border: 1px solid var(--line); border-radius: 8px; padding: 20px 24px; }
section, nav { margin: 18px 0; }
nav table td:first-child { font-weight: 600; }
a { color: #0b5fa5; text-decoration: none; }
a:hover { text-decoration: underline; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 16px; margin: 12px 0; }
dt { color: var(--soft); }
dd { margin: 0; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; }
th { text-align: left; color: var(--soft); font-weight: 600; border-bottom: 2px solid var(--line); padding: 5px 8px; }
td { border-bottom: 1px solid var(--line); padding: 5px 8px; vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td small { color: var(--soft); display: block; font-size: 12px; }
.verdict { font-weight: 700; white-space: nowrap; }
.pass { color: var(--pass); }
.fail { color: var(--fail); }
img { width: 100%; height: auto; margin-top: 14px; }
.soft { color: var(--soft); }
.error { background: #fdecea; border-left: 4px solid var(--fail); padding: 8px 12px; margin: 12px 0; }
"""


def number(value: float) -> str:
    """Format for tables: enough digits to see a deviation from the tolerance."""
    if value == 0.0:
        return "0"
    return f"{value:.6g}" if 1e-3 <= abs(value) < 1e6 else f"{value:.2e}"


def verdict(passed: bool) -> str:
    return '<span class="verdict pass">pass</span>' if passed else '<span class="verdict fail">FAIL</span>'


def _verdict_of(outcome: Outcome) -> str:
    return '<span class="verdict soft">skipped</span>' if outcome.skipped is not None else verdict(outcome.passed)


def page(outcomes: list[tuple[Outcome, Path | None]]) -> str:
    """Return the whole page."""
    passed = sum(outcome.passed for outcome, _ in outcomes)
    rows = "".join(
        f'<tr><td><a href="#{_id(outcome)}">{_text(outcome.claim.name)}</a></td><td>{_text(outcome.claim.title)}</td>'
        f'<td class="number">{sum(c.passed for c in outcome.evidence.checks)} / {len(outcome.evidence.checks)}</td>'
        f"<td>{_verdict_of(outcome)}</td>"
        f'<td class="number">{outcome.seconds:.1f}</td></tr>'
        for outcome, _ in outcomes
    )
    size = outcomes[0][0].size if outcomes else "default"
    versions = f"manifold_scores {ms.__version__}, numpy {np.__version__}, Python {platform.python_version()}"
    sections = "".join(_section(outcome, figure) for outcome, figure in outcomes)
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Verification: {passed} of {len(outcomes)} claims pass</title><style>{_STYLE}</style></head>
<body><main>
<h1>Verification</h1>
<p class="soft">{passed} of {len(outcomes)} claims pass; size: {size}; {versions}.
Predictions come from geometry, or from a second, different evaluation; measured values from the package.</p>
<nav><table>
<tr><th>claim</th><th></th><th class="number">checks</th><th>verdict</th><th class="number">seconds</th></tr>
{rows}</table></nav>
{sections}</main></body></html>
"""


def _section(outcome: Outcome, figure: Path | None) -> str:
    claim = outcome.claim
    parts = [
        f'<section id="{_id(outcome)}"><h2>{_text(claim.title)} {_verdict_of(outcome)}</h2>',
        f'<div class="soft">{_text(claim.name)}, {outcome.seconds:.1f} seconds</div>',
        f"<dl><dt>Claim</dt><dd>{_text(claim.statement)}</dd><dt>Hypothesis</dt><dd>{_text(claim.hypothesis)}</dd>"
        f"<dt>Source</dt><dd>{_text(claim.source)}</dd></dl>",
    ]
    if outcome.error is not None:
        parts.append(f'<div class="error">Broken off: {_text(outcome.error)}</div>')
    if outcome.skipped is not None:
        parts.append(f'<p class="soft">Skipped: {_text(outcome.skipped)}</p>')
    if figure is not None:
        image = base64.b64encode(figure.read_bytes()).decode()
        parts.append(f'<img alt="Figure: {_text(claim.title)}" src="data:image/png;base64,{image}">')
    parts.append(_checks(outcome.evidence.checks))
    if outcome.evidence.observations:
        parts.append(_observations(outcome.evidence.observations))
    reasons = dict.fromkeys((check.tolerance.value, check.tolerance.reason) for check in outcome.evidence.checks)
    items = "".join(f"<li><b>{number(value)}</b>: {_text(reason)}</li>" for value, reason in reasons)
    parts.append(f"<h3>Why the tolerances have their size</h3><ul>{items}</ul></section>")
    return "\n".join(parts)


def _checks(checks: list[Check]) -> str:
    rows = "".join(
        f"<tr><td>{_text(check.name)}<small>{_text(check.statement)}</small></td>"
        f'<td class="number">{number(check.measured)}</td>'
        f'<td class="number">{"≤ " if check.one_sided else ""}{number(check.predicted)}</td>'
        f'<td class="number">{"+" if check.one_sided else "±"} {number(check.tolerance.value)}</td>'
        f'<td>{verdict(check.passed)}</td><td class="number">{check.seconds:.2f}</td></tr>'
        for check in checks
    )
    return (
        '<h3>Checks</h3><table><tr><th>check</th><th class="number">measured</th><th class="number">predicted</th>'
        f'<th class="number">tolerance</th><th>verdict</th><th class="number">seconds</th></tr>{rows}</table>'
    )


def _observations(observations: list[Observation]) -> str:
    rows = "".join(
        f"<tr><td>{_text(item.name)}<small>{_text(item.statement)}</small></td>"
        f'<td class="number">{number(item.measured)}</td><td class="number">{number(item.expected)}</td>'
        f"<td>{_text(item.remark)}</td></tr>"
        for item in observations
    )
    return (
        "<h3>Outside the claim: reported, not judged</h3>"
        '<table><tr><th>observation</th><th class="number">measured</th><th class="number">expected</th>'
        f"<th>remark</th></tr>{rows}</table>"
    )


def _id(outcome: Outcome) -> str:
    return outcome.claim.name.replace(".", "-")


def _text(value: str) -> str:
    return html.escape(value, quote=True)

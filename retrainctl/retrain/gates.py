"""Whether a new model is good enough. Pure. A gate never passes on a metric that is missing or cannot be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from retrainctl.fastclass import dataclass
from retrainctl.model.metrics import folded
from retrainctl.model.retraining import LIVE, Gate
from retrainctl.retrain.evaluation import Evaluation

_NOISE: Final = 1e-12
"""What binary fractions are off by: 0.89 is not worse than 0.90 with a tolerance of 0.01."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A version to compare with: its label, and its recorded metrics (none where nothing was recorded)."""

    label: str
    metrics: Mapping[str, float]

    def find(self, name: str) -> float | None:
        """Its metric of that name, in any case."""
        wanted = folded(name)
        return next((value for known, value in self.metrics.items() if folded(known) == wanted), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """One gate, judged. `reason` is a sentence, also where it passed."""

    metric: str
    passed: bool
    reason: str
    value: float | None = None


References = Mapping[str | int, Sequence[Reference]]
"""`live` or a version's number -> the versions that this means. Slots may serve several: none may be better."""


def judge(gates: Sequence[Gate], evaluation: Evaluation, references: References) -> tuple[GateResult, ...]:
    """Every gate against the metrics of the new model; one without an evaluation fails all of its gates."""
    return tuple(_judge(gate, evaluation, references) for gate in gates)


def _judge(gate: Gate, evaluation: Evaluation, references: References) -> GateResult:
    value = evaluation.find(gate.metric)
    if value is None:
        why = evaluation.why_missing(gate.metric)
        return GateResult(metric=gate.metric, passed=False, reason=f"{gate.metric}: {why}")
    reasons: list[str] = []
    passed = True
    for fine, reason in _conditions(gate, value, references):
        passed = passed and fine
        reasons.append(reason)
    return GateResult(metric=gate.metric, passed=passed, reason="; ".join(reasons), value=value)


def _conditions(gate: Gate, value: float, references: References) -> list[tuple[bool, str]]:
    shown = f"{gate.metric} {_number(value)}"
    found: list[tuple[bool, str]] = []
    if gate.minimum is not None:
        fine = value >= gate.minimum
        found.append((fine, f"{shown} is {'at least' if fine else 'below'} {_number(gate.minimum)}"))
    if gate.maximum is not None:
        fine = value <= gate.maximum
        found.append((fine, f"{shown} is {'at most' if fine else 'above'} {_number(gate.maximum)}"))
    if gate.reference is not None:
        found += _compared(gate, value, shown, references.get(gate.reference, ()))
    return found


def _compared(gate: Gate, value: float, shown: str, references: Sequence[Reference]) -> list[tuple[bool, str]]:
    what = "the live version" if gate.reference == LIVE else f"version {gate.reference}"
    if not references:
        if gate.reference == LIVE:
            what = "no live version of the model is known"
            return [(gate.passes_without_reference, f"{shown}: {what}")]
        return [(gate.passes_without_reference, f"{shown}: there is no {what}")]
    found: list[tuple[bool, str]] = []
    for reference in references:
        former = reference.find(gate.metric)
        if former is None:
            reason = f"{shown}: {what}, {reference.label}, has no such metric recorded"
            found.append((gate.passes_without_reference, reason))
            continue
        slack = abs(former) * gate.tolerance if gate.relative else gate.tolerance
        slack += _NOISE * max(1.0, abs(former))
        higher = gate.direction == "higher"
        fine = value >= former - slack if higher else value <= former + slack
        word = "is not worse than" if fine else "is worse than"
        allowed = f" (tolerance {_tolerance(gate)})" if gate.tolerance else ""
        found.append((fine, f"{shown} {word} {_number(former)} of {reference.label}{allowed}"))
    return found


def _tolerance(gate: Gate) -> str:
    return f"{_number(gate.tolerance * 100)} %" if gate.relative else _number(gate.tolerance)


def _number(value: float) -> str:
    return f"{value:.6g}"

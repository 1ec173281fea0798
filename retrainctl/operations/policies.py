"""`kind: Policy`: each rule over each planned change, as the plan's JSON shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

from retrainctl.fastclass import dataclass
from retrainctl.manifest.handler import RawDocument
from retrainctl.manifest.rules import condition, sentence
from retrainctl.manifest.scope import ExpressionError
from retrainctl.model.address import Address
from retrainctl.model.change import ResourceChange
from retrainctl.model.exemption import Exemption
from retrainctl.plan.encode import encode_change
from retrainctl.plan.guard import matching
from retrainctl.plan.plan import PolicyOutcome, PolicyResult

HARD: Final = "hard"

Judge = Callable[[Sequence[ResourceChange]], Iterable[PolicyResult]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A policy, compiled. `matches` and `tell` take a change's JSON entry and raise `ExpressionError`."""

    name: str
    level: str
    matches: Callable[[Mapping[str, Any]], bool]
    tell: Callable[[Mapping[str, Any]], str]
    exceptions: tuple[Exemption, ...] = ()


def judge_of(documents: Iterable[RawDocument], now: datetime) -> Judge | None:
    """What judges changes by these policies at this time, for `plan.build`; None where there is no policy."""
    rules = sorted((_rule(document) for document in documents), key=lambda rule: rule.name)
    return partial(judge, rules, now) if rules else None


def judge(rules: Sequence[Rule], now: datetime, changes: Sequence[ResourceChange]) -> list[PolicyResult]:
    """Every rule that speaks up, by address, then by rule. Pure.

    A rule that cannot be evaluated speaks up as if it matched: a guard that fails must not let anything pass.
    """
    found: list[PolicyResult] = []
    for change in changes:
        entry = encode_change(change)
        for rule in rules:
            try:
                message = rule.tell(entry) if rule.matches(entry) else None
            except ExpressionError as error:
                message = f"the rule cannot be evaluated here: {error.message}"
            if message is not None:
                found.append(_result(rule, change.address, message, now))
    return found


def _result(rule: Rule, address: Address, message: str, now: datetime) -> PolicyResult:
    fitting = [one for one in rule.exceptions if matching(address, (one.address,)) is not None]
    standing = [one for one in fitting if one.counts(now)]
    outcome = PolicyOutcome.DENIED if rule.level == HARD else PolicyOutcome.WARNED
    if standing:
        best = max(standing, key=lambda one: one.expires)
        outcome = PolicyOutcome.EXCEPTED
        message += f" (excepted until {_day(best.expires)} by {best.owner}: {best.reason})"
    elif fitting:
        last = max(fitting, key=lambda one: one.expires)
        message += f" (the exception by {last.owner} ended {_day(last.expires)})"
    return PolicyResult(rule=rule.name, level=rule.level, address=address, message=message, outcome=outcome)


def _rule(document: RawDocument) -> Rule:
    spec = document.spec
    return Rule(
        name=document.name,
        level=spec["level"],
        matches=condition(spec["when"], document.scope),
        tell=sentence(spec["message"], document.scope),
        exceptions=spec["exceptions"],
    )


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%MZ}"

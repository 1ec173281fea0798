"""A policy's expressions, compiled: what `when` and `message` say about one planned change.

The change is the entry of `resource_changes` of the plan's JSON; its members are names of their own
(`change.actions`, `risks`), and `resource_change` is the whole entry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from retrainctl.manifest.expressions import compile_expression, compile_text
from retrainctl.manifest.scope import Evaluate, ExpressionError

WHOLE: Final = "resource_change"
MEMBERS: Final = frozenset(
    {
        "address",
        "kind",
        "target",
        "identity",
        "change",
        "model_changes",
        "steps",
        "step",
        "reason",
        "action_reason",
        "origin",
        "risks",
        "fingerprint",
        "requests",
        "after",
        "settings",
    }
)
"""The members of a change (`schemas/plan.schema.json`, `resourceChange`)."""
NAMES: Final = MEMBERS | {WHOLE}
_OPTIONAL: Final[Mapping[str, Any]] = {"step": {}, "settings": {}}


def condition(source: str, scope: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], bool]:
    """Compiles `when`: an expression, bare or as one single `{{ ... }}`. Raises `ExpressionError`."""
    allowed = frozenset(scope) | NAMES
    if "{{" in source:
        template = compile_text(source, allowed)
        if len(template.parts) != 1:
            raise ExpressionError("when is one expression", "Write it without {{ and }}.", "RC121")
        evaluate: Evaluate = template.render
    else:
        evaluate = compile_expression(source, allowed).evaluate

    def matches(entry: Mapping[str, Any]) -> bool:
        value = evaluate(_scope(entry, scope))
        if not isinstance(value, bool):
            raise ExpressionError(
                "when gives neither true nor false", "Compare the value, or add |length > 0 to a list.", "RC123"
            )
        return value

    return matches


def sentence(source: str, scope: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], str]:
    """Compiles `message`: text that may hold `{{ ... }}`. Raises `ExpressionError`."""
    if "{{" not in source:
        return lambda entry: source
    render = compile_text(source, frozenset(scope) | NAMES).render
    return lambda entry: str(render(_scope(entry, scope)))


def _scope(entry: Mapping[str, Any], scope: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**_OPTIONAL, **entry, **scope, WHOLE: entry}

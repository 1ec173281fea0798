"""`Policy`: a rule over every planned change, with exceptions that end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from retrainctl.diagnostics import Span
from retrainctl.manifest.context import Context
from retrainctl.manifest.exemptions import exemptions
from retrainctl.manifest.handler import KindHandler, RawDocument, Stage
from retrainctl.manifest.instance import Instance
from retrainctl.manifest.rules import NAMES, condition, sentence
from retrainctl.manifest.scope import ExpressionError

_Compiled = TypeVar("_Compiled")


def decode(instance: Instance, context: Context) -> RawDocument | None:
    """The rule as written, its `exceptions` as `Exemption` values; an expression that cannot work is reported."""
    spec = instance.spec
    scope = dict(context.scope) if instance.item is None else {**context.scope, "item": instance.item.value}
    before = len(context.found)
    _compiled(condition, "when", instance, scope, context)
    _compiled(sentence, "message", instance, scope, context)

    def place(position: int, member: str) -> Span:
        return instance.span(("spec", "exceptions", position, member))

    excepted = exemptions(spec.get("exceptions", ()), place, context.found)
    if len(context.found) > before:
        return None
    return RawDocument(
        kind="Policy",
        name=instance.address.name,
        spec={**spec, "exceptions": excepted},
        scope=scope,
        origin=instance.origin,
        instance=instance,
    )


def _compiled(
    compiler: Callable[[str, Mapping[str, Any]], _Compiled],
    member: str,
    instance: Instance,
    scope: Mapping[str, Any],
    context: Context,
) -> None:
    try:
        compiler(instance.spec[member], scope)
    except ExpressionError as error:
        span = instance.span(("spec", member), key=False)
        context.found.error(error.code, error.message, span, error.hint or None, str(instance.address))


HANDLER = KindHandler(
    kind="Policy",
    schema="policy",
    stage=Stage.RULES,
    decode=decode,
    late={("spec", "when"): NAMES, ("spec", "message"): NAMES},
)

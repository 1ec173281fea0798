"""`WebService`: a New (Azure Resource Manager) web service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from retrainctl.errors import InvalidInput
from retrainctl.manifest.context import Context
from retrainctl.manifest.definitions import Definition
from retrainctl.manifest.handler import KindHandler, Stage
from retrainctl.manifest.instance import Instance, Spans
from retrainctl.manifest.references import after, arm_id, arm_place, pinned, secret
from retrainctl.model.address import Address
from retrainctl.model.environment import ArmSettings
from retrainctl.model.resource import Desired
from retrainctl.model.values import SecretRef, Tree
from retrainctl.model.versions import ModelVersion

_FIELDS: Final = (
    "location",
    "title",
    "description",
    "tags",
    "realtimeConfiguration",
    "diagnostics",
    "readOnly",
    "exposeSampleData",
)
_PLAN: Final = "CommitmentPlan"


def decode(instance: Instance, context: Context) -> Desired | None:
    """The service with its declared fields, over those of its definition file, and the versions of its slots."""
    arm = context.arm(instance)
    slots = pinned(instance, context)
    definition = _definition(instance, context)
    plan = _commitment_plan(instance, context, arm) if arm is not None else ("", None)
    waits = after(instance, context, () if plan is None or plan[1] is None else (plan[1],))
    if arm is None or slots is None or plan is None or (definition is None and "definition" in instance.spec):
        return None
    fields = _fields(instance)
    if definition is not None:
        if not _has_slots(instance, context, definition, slots):
            return None
        fields = {**_defined(definition, slots), **fields}
        if arm.location is not None:
            fields.setdefault("location", arm.location)
    if plan[0]:
        fields["commitmentPlan"] = {"id": plan[0]}
    return Desired(
        address=instance.address,
        place=arm_place(instance, arm),
        fields=fields,
        slots=slots,
        after=waits,
        origin=instance.origin,
        spans=Spans(instance, "definition" if definition is not None else None),
    )


def _fields(instance: Instance) -> dict[str, Tree]:
    spec = instance.spec
    fields: dict[str, Tree] = {name: spec[name] for name in _FIELDS if name in spec}
    if (account := spec.get("storageAccount")) is not None:
        key = account.get("key")
        fields["storageAccount"] = {"name": account["name"]} if key is None else {**account, "key": secret(key)}
    if (keys := spec.get("keys")) is not None:
        fields["keys"] = {name: _key(instance, name, item) for name, item in keys.items()}
    if (regions := spec.get("regions")) is not None:
        fields["regions"] = {str(region).replace(" ", "").lower(): "present" for region in regions}
    return fields


def _key(instance: Instance, name: str, given: Mapping[str, Any]) -> SecretRef:
    """A key that is kept somewhere, or one that is made up anew for each number of `rotation`."""
    if "rotation" in given:
        return generated_key(instance.address, name, given["rotation"])
    return secret(given)


def generated_key(address: Address, name: str, rotation: object) -> SecretRef:
    """The key `primary` or `secondary` of a web service, made up for a rotation."""
    return SecretRef("generate", f"{address} {name} key", str(rotation))


def _commitment_plan(instance: Instance, context: Context, arm: ArmSettings) -> tuple[str, Address | None] | None:
    """The plan's ARM id, and its address where it is declared here; None, reported, when it should be and is not."""
    named = instance.spec.get("commitmentPlan")
    if named is None:
        return "", None
    if named.startswith("/"):
        return named, None
    address = Address.parse(named)
    place = context.places.get(address)
    if place is not None:
        return arm_id(arm, place, "commitmentPlans"), address
    if not context.unsure.about(address.kind, address.name):
        plans = [known.name for known in context.places if known.kind == _PLAN]
        span = instance.span(("spec", "commitmentPlan"), key=False)
        next_step = context.guess(address.name, plans, "commitment plans")
        context.found.error("RC132", f"nothing declares {address}", span, next_step, str(instance.address))
    return None


def _definition(instance: Instance, context: Context) -> Definition | None:
    """The definition file; None where none is declared, and where it cannot be used, which is reported."""
    name = instance.spec.get("definition")
    if name is None:
        return None
    at = ("spec", "definition")
    return context.definitions.load(name, instance.document.file, lambda: instance.span(at, key=False))


def _has_slots(instance: Instance, context: Context, definition: Definition, slots: Mapping[str, ModelVersion]) -> bool:
    """Whether the definition has every slot that is named; a near miss is reported with the slots that exist."""
    from retrainctl.definition.slots import find

    fine = True
    for slot in slots:
        try:
            find(definition.document, slot)
        except InvalidInput as error:
            fine = False
            span = instance.span(("spec", "models", slot))
            for finding in error.diagnostics:
                context.found.error(finding.code, finding.message, span, finding.hint, str(instance.address))
    return fine


def _defined(definition: Definition, slots: Mapping[str, ModelVersion]) -> dict[str, Tree]:
    """The definition's fields; a slot's asset is where its declared version is, so that both say the same."""
    from retrainctl.definition.slots import find

    fields: dict[str, Any] = dict(definition.fields)
    for slot, version in slots.items():
        if version.uri is None:
            continue
        asset = find(definition.document, slot).asset
        item = fields["assets"][asset]
        location = {**item["locationInfo"], "uri": version.uri}
        fields["assets"] = {**fields["assets"], asset: {**item, "locationInfo": location}}
    return fields


HANDLER = KindHandler(kind="WebService", schema="webservice", stage=Stage.RESOURCES, decode=decode)

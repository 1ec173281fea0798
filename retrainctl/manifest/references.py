"""What one manifest says about another: model pins, addresses, places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from retrainctl.manifest.context import Context
from retrainctl.manifest.instance import Instance
from retrainctl.manifest.suggest import listed
from retrainctl.model.address import Address
from retrainctl.model.environment import ArmSettings
from retrainctl.model.resource import Desired
from retrainctl.model.values import SecretRef
from retrainctl.model.versions import ModelLine, ModelVersion

PROVIDER = "Microsoft.MachineLearning"


def pinned(instance: Instance, context: Context, *, registers: bool = False) -> Mapping[str, ModelVersion] | None:
    """The versions that `spec.models` names by slot; None, reported, when one of them is not declared.

    registers: the target has a registry of models. Else a version must be a file, or a blob that the service can read.
    """
    slots: dict[str, ModelVersion] = {}
    fine = True
    for slot, pin in instance.spec.get("models", {}).items():
        name, _, number = pin.rpartition("@")
        line = context.models.get(name)
        version = line.find(int(number)) if line is not None else None
        if version is not None and not registers and (why := _only_registered(version, context)):
            fine = False
            span = instance.span(("spec", "models", slot), key=False)
            hint = "Give the slot a version with a `file`, or with the https address of a blob as `uri`."
            context.found.error("RC136", f"{version.label} {why}", span, hint, str(instance.address))
        elif version is not None:
            slots[slot] = version
        else:
            fine = False
            _report_pin(instance, context, slot, name, int(number), line)
    return slots if fine else None


def _only_registered(version: ModelVersion, context: Context) -> str:
    """Why a version cannot stand in a service that reads a blob; empty where it can."""
    if version.file is not None:
        return "is a folder, which no Studio service reads" if context.sources.is_folder(version.file) else ""
    if version.uri is None:
        return "is a registered model of Azure Machine Learning, which no Studio service reads"
    return "" if version.uri.startswith("https://") else "is an output of Azure Machine Learning, no blob's address"


def _report_pin(
    instance: Instance, context: Context, slot: str, name: str, number: int, line: ModelLine | None
) -> None:
    if context.unsure.about("Model", name):
        return
    span = instance.span(("spec", "models", slot), key=False)
    address = str(instance.address)
    if line is None:
        message = f'there is no model "{name}"'
        context.found.error("RC134", message, span, context.guess(name, context.models, "models"), address)
        return
    versions = [str(version.version) for version in line.versions]
    message = f"model {name} has no version {number}"
    known = listed(versions[-12:], "versions") if versions else "It has no version yet."
    context.found.error("RC135", message, span, known, address)


def after(instance: Instance, context: Context, implied: Sequence[Address] = ()) -> tuple[Address, ...]:
    """What must be done before a resource: its `metadata.after`, then what its references imply."""
    named = instance.data["metadata"].get("after", ())
    if not named:
        return tuple(implied)
    order: dict[Address, None] = {}
    for position, text in enumerate(named):
        address = Address.parse(text)
        order[address] = None
        span = instance.span(("metadata", "after", position))
        context.waiting.append((address, instance.address, span))
    order.update(dict.fromkeys(implied))
    return tuple(order)


def arm_place(instance: Instance, arm: ArmSettings) -> Mapping[str, str]:
    """Where an ARM resource is: its own `name` and `resourceGroup`, or the defaults."""
    spec = instance.spec
    return {
        "name": spec.get("name", instance.address.name),
        "resourceGroup": spec.get("resourceGroup", arm.resource_group),
    }


def arm_id(arm: ArmSettings, place: Mapping[str, str], collection: str) -> str:
    """The ARM id of a resource of our provider, e.g. of the collection `commitmentPlans`."""
    return (
        f"/subscriptions/{arm.subscription}/resourceGroups/{place['resourceGroup']}"
        f"/providers/{PROVIDER}/{collection}/{place['name']}"
    )


def secret(reference: Mapping[str, str]) -> SecretRef:
    """A secret reference as a value; the schema has checked its shape."""
    return SecretRef.from_json(reference)


def check_waiting(context: Context) -> None:
    """Reports addresses that something waits for and that nothing declares."""
    for address, waiting, span in context.waiting:
        if address in context.declared or context.unsure.about(address.kind, address.name):
            continue
        others = [str(known) for known in context.declared if known not in (waiting, address)]
        context.found.error(
            "RC132", f"nothing declares {address}", span, context.guess(str(address), others, "resources"), str(waiting)
        )


def check_circles(desired: Sequence[Desired], context: Context) -> None:
    """Reports resources that wait for each other."""
    graph = {one.address: one.after for one in desired if one.after}
    if not graph:
        return
    from graphlib import CycleError, TopologicalSorter

    origins = {one.address: one.span(("after",)) for one in desired if one.after}
    while True:
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            circle: list[Address] = list(reversed(error.args[1]))
            first = min(circle)
            turned = circle[:-1]
            at = turned.index(first)
            order = [*turned[at:], *turned[:at], first]
            message = "these wait for each other: " + " -> ".join(map(str, order))
            context.found.error("RC133", message, origins[first], "Remove one `after` or reference.", str(first))
            graph = {address: waits for address, waits in graph.items() if address not in circle}
        else:
            return

"""The service's refusals as rules, each with the fix (azureml-v2.md sections 1, 2 and 5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from retrainctl.definition.azureml_ids import PAIR, last, owner
from retrainctl.diagnostics import Diagnostic
from retrainctl.model.change import Action, ResourceChange, Risk, Severity
from retrainctl.model.environment import AzuremlSettings
from retrainctl.model.resource import Desired, Observed
from retrainctl.model.values import MISSING, JsonObject, Path
from retrainctl.patterns import late
from retrainctl.ports import Judgement
from retrainctl.targets.azureml import moves
from retrainctl.targets.azureml.reading import (
    BATCH_DEFAULT,
    BATCH_DEPLOYMENT,
    DEPLOYMENT,
    DEPLOYMENTS_OF,
    TRAFFIC,
    company_of,
)

_NAME: Final = late(r"[a-zA-Z](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?")
_NAMED_LENGTH: Final = range(3, 33)
_MIRROR_MOST: Final = 50
_REGISTRY: Final = "azureml://"


def judge(
    change: ResourceChange,
    desired: Desired | None,
    observed: Observed | None,
    facts: JsonObject,
    settings: AzuremlSettings,
) -> Judgement:
    """Everything that is known of a change before it is sent."""
    kind = change.address.kind
    if change.action is Action.DELETE:
        return Judgement(findings=tuple(_deletion(change, observed)), risks=tuple(_deleted(change, observed)))
    if desired is None:
        return Judgement()
    say = _Say(desired)
    if kind == TRAFFIC:
        return Judgement(findings=tuple(_traffic(change, desired, facts, say)))
    if kind == BATCH_DEFAULT:
        return Judgement(findings=tuple(_default(change, desired, facts, say)))
    if change.action is Action.NO_OP:
        return Judgement()
    findings = [*_names(desired, say), *_bag(change, say)]
    if change.action is Action.CREATE:
        findings += _creation(desired, settings, say)
    if kind in DEPLOYMENTS_OF:
        findings += _deployment(change, desired, facts, say)
    return Judgement(findings=tuple(findings), risks=tuple(_risks(change, observed)))


class _Say:
    """Makes findings of one resource, at the place of a path."""

    def __init__(self, desired: Desired) -> None:
        self._desired = desired

    def __call__(self, code: str, message: str, path: Path, hint: str) -> Diagnostic:
        address = str(self._desired.address)
        span = self._desired.span(path) if path else self._desired.origin
        return Diagnostic(code=code, message=f"{address}: {message}", span=span, hint=hint, address=address)


def _names(desired: Desired, say: _Say) -> Iterator[Diagnostic]:
    for name in desired.place["name"].split(PAIR):
        if _NAME.fullmatch(name) is None or len(name) not in _NAMED_LENGTH:
            message = f'the service does not take the name "{name}"'
            hint = "3 to 32 letters, digits and inner hyphens, beginning with a letter; or say `name:`."
            yield say("RC392", message, ("name",), hint)
        elif desired.fields.get("endpointComputeType") == "Kubernetes":
            both = len(name) + len(desired.place["endpoint"])
            if both > 62:
                message = f"endpoint and deployment name have {both} characters together"
                yield say("RC392", message, ("name",), "Kubernetes takes at most 62; shorten one of them.")


def _bag(change: ResourceChange, say: _Say) -> Iterator[Diagnostic]:
    for entry in change.fields:
        if entry.path[0] == "properties" and len(entry.path) > 1 and entry.before is not MISSING:
            message = f"the property {entry.path[1]} is set already: properties can be added, not changed or removed"
            yield say("RC397", message, entry.path, "Set it back, or use a tag.")


def _creation(desired: Desired, settings: AzuremlSettings, say: _Say) -> Iterator[Diagnostic]:
    if not desired.fields.get("location") and not settings.location:
        hint = "Add `location`, here or to `azureml` in the environment."
        yield say("RC341", f"a new {desired.address.kind} needs a location", (), hint)


def _deployment(change: ResourceChange, desired: Desired, facts: JsonObject, say: _Say) -> Iterator[Diagnostic]:
    endpoints: Any = facts.get("endpoints", ())
    if owner(change.identity).casefold() not in endpoints:
        name = desired.place["endpoint"]
        hint = "Declare it, or correct `endpoint_name`."
        yield say("RC393", f"there is no endpoint {name}", ("endpoint_name",), hint)
    if change.action is Action.CREATE and not desired.slots and "deploymentConfiguration" not in desired.fields:
        yield say("RC394", "a new deployment needs a model", (), "Add `model: azureml:NAME:VERSION`.")
    missing: Any = facts.get("missingModels", ())
    for move in change.models:
        if move.to_uri is None or move.after.file is not None:
            continue
        if move.to_uri.casefold() in missing:
            message = f"the workspace has no registered model {last(move.to_uri.rpartition('/versions/')[0])} version "
            hint = "Register it, give the version a `file`, or correct its name and version."
            yield say("RC394", message + last(move.to_uri), ("models", move.slot), hint)
        if move.to_uri.startswith(_REGISTRY) and desired.fields.get("endpointComputeType") == "Kubernetes":
            message = "Kubernetes deployments take no models of a registry"
            yield say("RC394", message, ("models", move.slot), "Register the model in the workspace.")


def _traffic(change: ResourceChange, desired: Desired, facts: JsonObject, say: _Say) -> Iterator[Diagnostic]:
    key = owner(change.identity).casefold()
    known: Any = facts.get("deployments", {})
    alternating: Any = facts.get("alternating", {})
    names = known.get(key, [])
    maps: dict[str, Mapping[str, Any]] = {}
    for field in ("traffic", "mirrorTraffic"):
        given = desired.fields.get(field, {})
        maps[field] = given if isinstance(given, Mapping) else {}
    if moved := sorted({*maps["traffic"], *maps["mirrorTraffic"]} & set(alternating.get(key, ()))):
        message = f"{moved[0]} belongs to a blue/green deployment, which moves the traffic itself"
        yield say("RC395", message, ("traffic",), "Leave `traffic` out of the endpoint, or `strategy` out of that one.")
    for field, given in maps.items():
        for name in sorted(given):
            if name.casefold() not in {one.casefold() for one in names}:
                hint = f"Deployments here: {', '.join(names) or 'none'}."
                yield say("RC395", f"traffic for {name}, and there is no such deployment", (field, name), hint)
    total = sum(maps["traffic"].values())
    if total not in (0, 100):
        hint = "All shares together are 100, or 0 to switch the endpoint off."
        yield say("RC395", f"the shares of the traffic add up to {total}", ("traffic",), hint)
    if len(maps["mirrorTraffic"]) > 1:
        yield say("RC395", "requests are mirrored to one deployment only", ("mirrorTraffic",), "Keep one of them.")
    for name, share in sorted(maps["mirrorTraffic"].items()):
        if share > _MIRROR_MOST:
            message = f"{share} % of the requests cannot be mirrored, {_MIRROR_MOST} at most"
            yield say("RC395", message, ("mirrorTraffic", name), f"Write {_MIRROR_MOST} or less.")
        if maps["traffic"].get(name):
            message = f"{name} gets live traffic, so none can be mirrored to it"
            yield say("RC395", message, ("mirrorTraffic", name), "Take it out of one of the two maps.")


def _default(change: ResourceChange, desired: Desired, facts: JsonObject, say: _Say) -> Iterator[Diagnostic]:
    known: Any = facts.get("deployments", {})
    names = known.get(owner(change.identity).casefold(), [])
    wanted = str(desired.fields.get("deploymentName"))
    if wanted.casefold() not in {name.casefold() for name in names}:
        hint = f"Deployments here: {', '.join(names) or 'none'}."
        yield say("RC396", f"there is no deployment {wanted} to be the default", ("deploymentName",), hint)


def _deletion(change: ResourceChange, observed: Observed | None) -> Iterator[Diagnostic]:
    if observed is None or change.address.kind != DEPLOYMENT:
        return
    seen = company_of(observed)
    for name in sorted(seen.documents):
        if share := seen.traffic.get(name, 0):
            address = str(change.address)
            yield Diagnostic(
                code="RC399",
                message=f"{address}: {name} gets {share} % of the traffic, and what has traffic is not deleted",
                hint="Give its share to others first and apply that; or delete its endpoint with all it has.",
                address=address,
            )


def _deleted(change: ResourceChange, observed: Observed | None) -> Iterator[Risk]:
    if change.address.kind in DEPLOYMENTS_OF or observed is None:
        return
    yield Risk(
        code="deletes-deployments",
        severity=Severity.DANGER,
        message="deleting an endpoint deletes all its deployments, whoever made them",
    )


def _risks(change: ResourceChange, observed: Observed | None) -> Iterator[Risk]:
    kind = change.address.kind
    if kind not in DEPLOYMENTS_OF or observed is None:
        return
    fixed = [".".join(entry.path) for entry in change.fields if moves.is_fixed(entry, kind)]
    if fixed and kind == BATCH_DEPLOYMENT:
        message = f"{', '.join(fixed)} cannot change: the deployment is deleted and made anew; jobs fail meanwhile"
        yield Risk(code="replaced", severity=Severity.DANGER, message=message)
        return
    if fixed:
        message = f"{', '.join(fixed)} cannot change: a new deployment is made, takes the traffic, and the old one goes"
        yield Risk(code="replaced", severity=Severity.WARNING, message=message)
    if kind != DEPLOYMENT:
        return
    if observed.broken and not change.settings.get("strategy"):
        message = "its last write failed; what it serves until this one is done is not known"
        yield Risk(code="was-broken", severity=Severity.WARNING, message=message)
    sku: Any = observed.fields.get("sku") or {}
    if not (fixed or change.settings.get("strategy")) and change.fields + change.models and sku.get("capacity") == 1:
        yield Risk(
            code="one-instance",
            severity=Severity.WARNING,
            message="it has one instance, and an update in place may interrupt it",
            hint="Declare `strategy: {blueGreen: {}}`, or two instances.",
        )

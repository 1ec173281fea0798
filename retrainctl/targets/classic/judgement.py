"""The service's refusals as rules, each with the fix (classic-api.md sections 4.6, 4.11, 8 and 11).

Errors are what the service would refuse; risks are what a reviewer should know. Called once per resource, changed or
not, so what cannot be wrong without a change is looked at only where there is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from retrainctl.definition.endpoint import DUE, FIELDS, slots
from retrainctl.definition.nearest import closest
from retrainctl.diagnostics import Diagnostic, Span
from retrainctl.model.change import Action, ModelChange, ResourceChange, Risk, Severity
from retrainctl.model.environment import ClassicSettings
from retrainctl.model.redaction import is_signed, without_query
from retrainctl.model.resource import Desired, Knowledge, Observed
from retrainctl.model.values import JsonObject, Path
from retrainctl.patterns import late
from retrainctl.ports import Judgement
from retrainctl.targets.classic.ids import parse
from retrainctl.targets.classic.reading import DEFAULT, LIMITS

_NAME: Final = late(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_LONGEST_NAME: Final = 24
_LONGEST_DESCRIPTION: Final = 2000
_CALLS: Final = range(1, 201)
_FEW_CALLS: Final = 20
_LISTED: Final = 10
_FINE: Final = Judgement()


def judge_service(change: ResourceChange, desired: Desired | None, observed: Observed | None) -> Judgement:
    """An adopted web service must be what the manifest calls it."""
    if desired is None or observed is None or change.action is not Action.UPDATE:
        return Judgement()
    say = _Say(desired)
    wanted, live = desired.fields.get("Name"), observed.fields.get("Name")
    finding = say(
        "RC375",
        f'the web service of this id is called "{live}", not "{wanted}"',
        ("name",),
        "Correct the name or the id: an adopted web service is never renamed.",
    )
    return Judgement(findings=(finding,))


def judge_endpoint(
    change: ResourceChange,
    desired: Desired | None,
    observed: Observed | None,
    facts: JsonObject,
    settings: ClassicSettings,
) -> Judgement:
    """Everything that is known of an endpoint's change before it is sent."""
    if is_default(change.identity, facts):
        return Judgement(findings=(_default(change, desired),))
    if desired is None or change.action in (Action.NO_OP, Action.DELETE):
        return _FINE
    place = parse(change.identity)
    service = _service(facts, place.service)
    say = _Say(desired)
    findings = [*_settings(change, desired, observed, settings, say)]
    if observed is None:
        findings.extend(_creation(place.endpoint or "", service, settings, say))
    findings.extend(_slots(change, observed, service, say))
    for move in change.models:
        findings.extend(_blob(move, say))
    return Judgement(findings=tuple(findings), risks=tuple(_risks(change, desired, observed)))


def is_default(identity: str, facts: JsonObject) -> bool:
    """Whether an endpoint is its service's default one, by its name or by what the service says."""
    defaults = facts.get("defaults")
    named = identity.rpartition("/")[2].casefold() == DEFAULT
    return named or (isinstance(defaults, dict) and identity in defaults)


class _Say:
    """Makes findings of one resource, at the place of a path."""

    def __init__(self, desired: Desired) -> None:
        self._desired = desired

    def __call__(self, code: str, message: str, path: Path, hint: str, span: Span | None = None) -> Diagnostic:
        address = str(self._desired.address)
        place = span or (self._desired.span(path) if path else self._desired.origin)
        return Diagnostic(code=code, message=f"{address}: {message}", span=place, hint=hint, address=address)


def _service(facts: JsonObject, identifier: str) -> Mapping[str, Any]:
    services = facts.get("services")
    found = services.get(identifier) if isinstance(services, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _default(change: ResourceChange, desired: Desired | None) -> Diagnostic:
    address = str(change.address)
    return Diagnostic(
        code="RC363",
        message=f"{address}: the default endpoint follows its service's deployment; it is never patched, refreshed or "
        "deleted",
        span=desired.span(("name",)) if desired is not None else None,
        hint="Declare an endpoint of another name, point it at the model, and let clients call that one.",
        address=address,
    )


def _creation(name: str, service: Mapping[str, Any], settings: ClassicSettings, say: _Say) -> Iterator[Diagnostic]:
    if len(name) > _LONGEST_NAME:
        message = f"the endpoint name {name!r} has {len(name)} characters, at most {_LONGEST_NAME} are allowed"
        yield say("RC366", message, ("name",), "Choose a shorter name.")
    elif _NAME.fullmatch(name) is None:
        message = f"{name!r} is no endpoint name: lower-case letters, digits and, between them, hyphens"
        yield say("RC366", message, ("name",), "Choose another name; metadata.name may stay as it is.")
    limit = LIMITS.get(settings.tier)
    count, missing = service.get("count", 0), service.get("missing", 0)
    # One finding for all of a service's new endpoints: it is one decision that is too large.
    if limit is not None and count + missing > limit and service.get("first") == name:
        yield say(
            "RC367",
            f"{missing} new endpoints beside the {count} that are there make {count + missing}; a {settings.tier} "
            f"workspace allows {limit:,} per web service, default included",
            (),
            "Declare fewer, spread them over several web services"
            + (", or use a Standard workspace." if settings.tier == "Free" else "."),
        )


def _settings(
    change: ResourceChange, desired: Desired, observed: Observed | None, settings: ClassicSettings, say: _Say
) -> Iterator[Diagnostic]:
    fields = desired.fields
    if settings.tier == "Free" and fields.get("ThrottleLevel") == "High":
        message = "a Free workspace has no throttle level but Low"
        yield say("RC368", message, ("ThrottleLevel",), "Leave throttleLevel out, or use a Standard workspace.")
    calls = fields.get("MaxConcurrentCalls")
    if calls is not None and (isinstance(calls, bool) or not isinstance(calls, int) or calls not in _CALLS):
        message = f"maxConcurrentCalls goes from 1 to 200, not {calls!r}"
        yield say("RC368", message, ("MaxConcurrentCalls",), "Choose a number from 1 to 200; 20 is the default.")
    text = fields.get("Description")
    if isinstance(text, str) and len(text) > _LONGEST_DESCRIPTION:
        message = f"the description has {len(text):,} characters, at most {_LONGEST_DESCRIPTION:,} are allowed"
        yield say("RC369", message, ("Description",), "Shorten it.")
    if observed is not None and settings.field_updates == "refuse":
        for entry in change.fields:
            if entry.path[0] in FIELDS:
                yield say(
                    "RC374",
                    f"{entry.path[0]} of an existing endpoint is not changed here (`fieldUpdates: refuse`)",
                    entry.path,
                    "Set it back; or remove the endpoint and plan again: it is made anew, with other keys.",
                    entry.span,
                )


def _slots(
    change: ResourceChange, observed: Observed | None, service: Mapping[str, Any], say: _Say
) -> Iterator[Diagnostic]:
    """Slots that are not there. A new endpoint will have those of the default one."""
    if not change.models:
        return
    known: Sequence[str] | None = list(observed.slots) if observed is not None else service.get("slots")
    if known is None:
        return
    name = service.get("name", "the web service")
    if not known:
        yield say(
            "RC364",
            f'"{name}" has no updatable resources: it is a training service, or was deployed without a saved trained '
            "model",
            ("models",),
            "Name the predictive (scoring) service.",
        )
        return
    for move in change.models:
        if move.slot not in known:
            near = closest(move.slot, known)
            listed = ", ".join(f'"{slot}"' for slot in known[:_LISTED])
            yield say(
                "RC365",
                f'"{name}" has no trained model slot "{move.slot}"',
                ("models", move.slot),
                (f'Did you mean "{near}"? ' if near else "") + f"The updatable ones: {listed}.",
                move.span,
            )


def _blob(move: ModelChange, say: _Say) -> Iterator[Diagnostic]:
    path, label = ("models", move.slot), move.after.label
    if move.to_uri is None:
        if move.after.file is None:
            hint = "Give the version a `uri` (or a `file`, which apply uploads)."
            yield say("RC348", f"{label} has no blob that an endpoint could load", path, hint, move.span)
        return
    uri = without_query(move.to_uri)
    if not uri.lower().endswith(".ilearner"):
        yield say(
            "RC343",
            f"{label} is not an .ilearner blob: {uri}",
            path,
            "Name the `.ilearner` output of the training job: BaseLocation and RelativeLocation, without SAS token.",
            move.after.origin or move.span,
        )
    if "/" not in uri.partition("://")[2].partition("/")[2].strip("/"):
        yield say(
            "RC371",
            f"{label} names no blob in a container of a storage account: {uri}",
            path,
            "Write https://ACCOUNT.blob.core.windows.net/CONTAINER/PATH.ilearner.",
            move.after.origin or move.span,
        )


def _risks(change: ResourceChange, desired: Desired, observed: Observed | None) -> Iterator[Risk]:
    calls = desired.fields.get("MaxConcurrentCalls")
    touched = {entry.path[0] for entry in change.fields}
    if "MaxConcurrentCalls" in touched and isinstance(calls, int) and calls < _FEW_CALLS:
        yield Risk(
            code="concurrency-low",
            severity=Severity.NOTE,
            message=f"one of the sources says that High starts at {_FEW_CALLS} calls: the service may refuse {calls}",
        )
    if observed is None:
        return
    if touched & set(FIELDS):
        yield Risk(
            code="settings-patch",
            severity=Severity.NOTE,
            message="that an endpoint's settings can be changed is documented, but was never seen",
            hint="If the service refuses it, say `fieldUpdates: refuse` in the environment's `classic:`.",
        )
    if observed.fields.get("PreventUpdate") is True and change.models:
        yield Risk(
            code="update-prevented",
            message="the endpoint was made with PreventUpdate: the service may refuse the model",
        )
    yield from _refresh_risks(change, desired, observed)
    for move in change.models:
        yield from _knowledge(move, observed)


def _refresh_risks(change: ResourceChange, desired: Desired, observed: Observed) -> Iterator[Risk]:
    touched = {entry.path[0] for entry in change.fields}
    if "refreshAll" in touched:
        lost = [slot for slot in observed.slots if slot not in desired.slots]
        for slot in lost:
            yield Risk(
                code="refresh-loses-model",
                severity=Severity.DANGER,
                message=f'slot "{slot}": the refresh puts the experiment\'s own model there, and no model is declared',
                hint="Declare the slot's model, or say `refresh: graph`, which keeps it.",
            )
        if desired.slots:
            yield Risk(
                code="refresh-overwrites-models",
                message="between the refresh and the update that follows it, the experiment's own model is served",
            )
    elif "refreshGraph" in touched:
        yield Risk(
            code="refresh-keeps-models",
            severity=Severity.NOTE,
            message="the models stay and meet another graph: the service refuses them where they do not fit it",
        )
    elif observed.fields.get("refreshGraph") == DUE:
        yield Risk(
            code="behind-default",
            severity=Severity.NOTE,
            message="the endpoint runs an older deployment than default; only a refresh changes that",
            hint="Say `refresh: graph` to keep its models, or `refresh: all` to take those of the experiment first.",
        )


def _knowledge(move: ModelChange, observed: Observed) -> Iterator[Risk]:
    if move.to_uri is not None and is_signed(move.to_uri):
        message = f"{move.after.label} is named with a SAS token; the address is used without it"
        yield Risk(code="signed-uri", message=message)
    if move.knowledge is not Knowledge.UNKNOWN:
        return
    if (shown := slots(observed.document).get(move.slot)) is not None:
        yield Risk(
            code="live-location",
            severity=Severity.NOTE,
            message=f'slot "{move.slot}": the service shows {shown}; that is for information, it may serve another',
        )

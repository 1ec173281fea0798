"""The service's refusals as rules, each with the fix (arm-webservices.md sections 4, 6, 7, 11 and 14)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from retrainctl.definition.document import properties_of
from retrainctl.definition.edit import revise
from retrainctl.definition.parameters import ENCRYPTED, PREVIEW, is_masked
from retrainctl.definition.slots import find
from retrainctl.diagnostics import Diagnostic, Span
from retrainctl.errors import InvalidInput
from retrainctl.model.address import Address
from retrainctl.model.change import Action, ModelChange, ResourceChange, Risk, Severity
from retrainctl.model.redaction import is_signed, without_query
from retrainctl.model.resource import Desired, Observed
from retrainctl.model.values import MISSING, JsonObject, Path, SecretRef
from retrainctl.ports import Judgement
from retrainctl.targets.arm.billing import payer
from retrainctl.targets.arm.ids import name_problem

_CALLS: Final = range(4, 201)
_GRAPH: Final = frozenset({"assets", "package", "parameters"})
_CONTRACT: Final = frozenset({"input", "output"})

_FIXED: Final[Mapping[Path, tuple[str, str, str]]] = {
    ("location",): (
        "RC334",
        "the location of an existing web service cannot change",
        "Set `location` back, or declare a new web service under another name.",
    ),
    ("storageAccount", "name"): (
        "RC333",
        "the storage account of a web service cannot change (CannotChangeStorageAccount)",
        "Set storageAccount.name to the account that the service has, or leave it out; its key may change.",
    ),
    ("packageType",): ("RC345", "packageType cannot change; Graph is the only one", "Leave packageType out."),
    ("machineLearningWorkspace",): (
        "RC345",
        "the workspace that a web service was made from cannot change",
        "Leave machineLearningWorkspace out of the definition.",
    ),
}


def judge_service(
    change: ResourceChange, desired: Desired | None, observed: Observed | None, facts: JsonObject
) -> Judgement:
    """Everything that is known of a web service's change before it is sent."""
    if desired is None or change.action in (Action.NO_OP, Action.DELETE):
        return Judgement()
    say = _Say(desired)
    if change.action is Action.CREATE or observed is None:
        findings = [*_creation(desired, say)]
        document: JsonObject = {"properties": dict(desired.fields)}  # type: ignore[arg-type]
        findings.extend(_hidden(change, {"properties": {}}, say))
    else:
        findings = [*_update(change, observed, say)]
        document = observed.document
        findings.extend(_hidden(change, document, say))
    # Without a definition every slot would be missing, which is not what is wrong.
    if not any(finding.code in ("RC330", "RC331", "RC332") for finding in findings):
        findings.extend(_slots(change, document, say))
    findings.extend(_values(change, desired, say))
    return Judgement(findings=tuple(findings), risks=tuple(_risks(change, desired, facts)))


def judge_plan(
    change: ResourceChange, desired: Desired | None, observed: Observed | None, facts: JsonObject
) -> Judgement:
    """The same for a commitment plan."""
    if desired is None or change.action in (Action.NO_OP, Action.DELETE):
        return Judgement()
    say = _Say(desired)
    findings: list[Diagnostic] = []
    sku = desired.fields.get("sku")
    sku = sku if isinstance(sku, Mapping) else {}
    if change.action is Action.CREATE:
        findings.extend(_name(desired, say))
        if not desired.fields.get("location"):
            findings.append(say("RC341", "a new commitment plan needs a location", (), "Add `location`."))
        if not (sku.get("name") and sku.get("tier")):
            hint = "Add `sku: {name: S1, tier: Standard, capacity: 1}`."
            findings.append(say("RC346", "a new commitment plan needs a sku with name and tier", ("sku",), hint))
    elif any(entry.path == ("location",) for entry in change.fields):
        hint = "Set `location` back, or declare a new plan under another name."
        findings.append(say("RC334", "the location of an existing commitment plan cannot change", ("location",), hint))
    capacity = sku.get("capacity")
    if capacity is not None and (isinstance(capacity, bool) or not isinstance(capacity, int) or capacity < 1):
        message = f"sku.capacity must be a whole number from 1 on, not {capacity!r}"
        findings.append(say("RC346", message, ("sku", "capacity"), "It multiplies quantities and cost."))
    risks = tuple(_capacity_risk(change))
    return Judgement(findings=tuple(findings), risks=risks)


def judge_regions(desired: Desired, api_version: str) -> list[Diagnostic]:
    """Only 2017-01-01 keeps encrypted parameters per region (section 9)."""
    if not desired.fields.get("regions") or api_version != PREVIEW:
        return []
    hint = "Set `apiVersion: 2017-01-01` in the environment's `arm`, or leave `regions` out."
    return [_Say(desired)("RC344", f"api-version {PREVIEW} knows no regions of a service", ("regions",), hint)]


class _Say:
    """Makes findings of one resource, at the place of a path."""

    def __init__(self, desired: Desired) -> None:
        self._desired = desired

    def __call__(self, code: str, message: str, path: Path, hint: str, span: Span | None = None) -> Diagnostic:
        address = str(self._desired.address)
        place = span or (self._desired.span(path) if path else self._desired.origin)
        return Diagnostic(code=code, message=f"{address}: {message}", span=place, hint=hint, address=address)


def _creation(desired: Desired, say: _Say) -> Iterator[Diagnostic]:
    fields = desired.fields
    yield from _name(desired, say)
    if not fields.get("package"):
        yield say(
            "RC330",
            "it does not exist, and without a definition it cannot be created",
            (),
            "Check its name and resource group, or add `definition:` with an exported definition JSON.",
        )
        return
    if not fields.get("location"):
        yield say("RC341", "a new web service needs a location", (), "Add `location`, here or in the environment.")
    account = fields.get("storageAccount")
    account = account if isinstance(account, Mapping) else {}
    if not (account.get("name") and account.get("key")):
        yield say(
            "RC339",
            "a new web service needs a storage account with its key; an export never has the key",
            ("storageAccount",),
            "Add `storageAccount: {name: ACCOUNT, key: {env: STORAGE_KEY}}`.",
        )
    if not fields.get("commitmentPlan"):
        yield say(
            "RC340",
            "a new web service needs a commitment plan; an export never has it",
            ("commitmentPlan",),
            "Add `commitmentPlan: CommitmentPlan/NAME` or the id of a plan in the same region.",
        )


def _update(change: ResourceChange, observed: Observed, say: _Say) -> Iterator[Diagnostic]:
    if observed.broken and not {"package", "packageType"} & properties_of(observed.document).keys():
        yield say(
            "RC331",
            f"it exists but does not work: {observed.broken}",
            (),
            "Delete it first, then plan again: it will be created.",
        )
        return
    if observed.fields.get("readOnly") is True:
        yield say(
            "RC332",
            "it is read-only for ever: the service takes nothing but its deletion",
            ("readOnly",),
            "Declare a new web service under another name, or delete this one.",
        )
        return
    for entry in change.fields:
        for length in range(1, len(entry.path) + 1):
            if (fixed := _FIXED.get(entry.path[:length])) is not None:
                code, message, hint = fixed
                yield say(code, message, entry.path, hint, entry.span)
                break


def _hidden(change: ResourceChange, document: JsonObject, say: _Say) -> Iterator[Diagnostic]:
    """Values that a plan cannot hold and the live service does not have either: ciphertext, masked secrets."""
    if not any(_is_hidden(entry.after) for entry in change.fields):
        return
    try:
        revise(document, ((entry.path, entry.after) for entry in change.fields))
    except InvalidInput as error:
        for found in error.diagnostics:
            hint = "Give the parameter a value in place of value and thumbprint, as `{env: NAME}` if it is secret."
            yield say("RC349", found.message, ("definition",), hint)


def _slots(change: ResourceChange, document: JsonObject, say: _Say) -> Iterator[Diagnostic]:
    """Slots that are not there; of a training service only the first, for none will be."""
    for move in change.models:
        try:
            find(document, move.slot)
        except InvalidInput as error:
            for found in error.diagnostics:
                yield say(found.code, found.message, ("models", move.slot), found.hint or "", move.span)
            if error.diagnostics[0].code == "RC212":
                return


def _values(change: ResourceChange, desired: Desired, say: _Say) -> Iterator[Diagnostic]:
    calls = _at(desired.fields, ("realtimeConfiguration", "maxConcurrentCalls"))
    if calls is not None and (isinstance(calls, bool) or calls not in _CALLS):
        yield say(
            "RC336",
            f"realtimeConfiguration.maxConcurrentCalls goes from 4 to 200, not {calls!r}",
            ("realtimeConfiguration", "maxConcurrentCalls"),
            "Choose a number from 4 to 200.",
        )
    level = _at(desired.fields, ("diagnostics", "level"))
    if "diagnostics" in desired.fields and level not in ("None", "Error", "All"):
        yield say(
            "RC337",
            "diagnostics needs a level: None, Error or All",
            ("diagnostics",),
            "Add `diagnostics: {level: Error}`.",
        )
    for move in change.models:
        yield from _uri(move, say)
    for entry in change.fields:
        if entry.path[0] != "models" and entry.after is not MISSING and _carries_signature(entry.after):
            yield say(
                "RC350",
                f"{'.'.join(entry.path)} carries a signed address, which a plan never keeps",
                entry.path,
                "Take the query off the address and give its token as `credentials: {env: NAME}` beside it.",
                entry.span,
            )


def _uri(move: ModelChange, say: _Say) -> Iterator[Diagnostic]:
    path = ("models", move.slot)
    if move.to_uri is None:
        if move.after.file is None:
            hint = "Give the version a `uri` (or a `file`, which apply uploads)."
            yield say("RC348", f"{move.after.label} has no blob that a web service could load", path, hint, move.span)
        return
    if not without_query(move.to_uri).lower().endswith(".ilearner"):
        yield say(
            "RC343",
            f"{move.after.label} is not an .ilearner blob: {without_query(move.to_uri)}",
            path,
            "Name the `.ilearner` output of the training job: BaseLocation and RelativeLocation, without SAS token.",
            move.after.origin or move.span,
        )


def _risks(change: ResourceChange, desired: Desired, facts: JsonObject) -> Iterator[Risk]:
    touched = {entry.path[0] for entry in change.fields}
    if any(entry.path == ("readOnly",) and entry.after is True for entry in change.fields):
        yield Risk(
            code="read-only-for-ever",
            severity=Severity.DANGER,
            message="read-only cannot be taken back: after this only a deletion is possible",
        )
    if change.action is Action.UPDATE and touched & _GRAPH:
        groups = ", ".join(sorted(touched & _GRAPH))
        yield Risk(code="definition-replaced", message=f"the definition itself changes ({groups}), not only a model")
    if change.action is Action.UPDATE and touched & _CONTRACT:
        groups = " and ".join(sorted(touched & _CONTRACT))
        yield Risk(code="contract-changes", message=f"the {groups} of the service changes: its callers may break")
    if change.action is Action.UPDATE and "keys" in touched:
        yield Risk(code="keys-rotate", message="a key changes: callers that use the old one are refused")
    for move in change.models:
        if move.to_uri is not None and is_signed(move.to_uri):
            yield Risk(
                code="signed-uri",
                message=f"{move.after.label} is named with a SAS token; the address is used without it",
            )
    if change.action is Action.UPDATE and "commitmentPlan" in touched:
        yield _payer_risk(change)
    if change.action is Action.CREATE or "commitmentPlan" in touched:
        yield from _plan_risk(desired, facts)


def _payer_risk(change: ResourceChange) -> Risk:
    former, new = (payer(change.fields, before=before) or "" for before in (True, False))
    message = f"another commitment plan pays: {_last(new)} in place of {_last(former) or 'an unknown one'}"
    return Risk(code="payer-changes", message=message)


def _last(identity: str) -> str:
    return identity.rsplit("/", 1)[-1]


def _plan_risk(desired: Desired, facts: JsonObject) -> Iterator[Risk]:
    plan, known = desired.fields.get("commitmentPlan"), facts.get("commitmentPlans")
    identity = plan.get("id") if isinstance(plan, Mapping) else plan
    if not isinstance(identity, str) or not isinstance(known, list | tuple):
        return
    name = _last(identity)
    if identity.casefold() in known or any(a in desired.after for a in (Address("CommitmentPlan", name),)):
        return
    if identity.startswith("/"):
        yield Risk(
            code="plan-not-found",
            message=f'commitment plan "{name}" is not in the resource groups that were read',
            hint="Declare it, or check the id.",
        )


def _capacity_risk(change: ResourceChange) -> Iterator[Risk]:
    for entry in change.fields:
        if entry.path == ("sku", "capacity") and isinstance(entry.before, int) and isinstance(entry.after, int):
            word = "grows" if entry.after > entry.before else "shrinks"
            yield Risk(
                code="capacity-changes",
                message=f"the capacity {word} from {entry.before} to {entry.after}, and the cost with it",
            )


def _name(desired: Desired, say: _Say) -> Iterator[Diagnostic]:
    name = desired.place.get("name", desired.address.name)
    if (problem := name_problem(name)) is not None:
        yield say("RC342", f"Azure does not take the name {name!r}: {problem}", ("name",), "Choose another name.")


def _is_hidden(value: Any) -> bool:
    if isinstance(value, Mapping):
        return value == ENCRYPTED or any(_is_hidden(item) for item in value.values())
    return is_masked(value)


def _carries_signature(value: Any) -> bool:
    if isinstance(value, str):
        return is_signed(value)
    if isinstance(value, SecretRef):
        return False
    if isinstance(value, Mapping):
        return any(_carries_signature(item) for item in value.values())
    return isinstance(value, list | tuple) and any(_carries_signature(item) for item in value)


def _at(tree: Any, path: Path) -> Any:
    for name in path:
        tree = tree.get(name) if isinstance(tree, Mapping) else None
    return tree

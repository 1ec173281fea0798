"""The plan as canonical JSON and back (DESIGN.md section 6). The same inputs give the same bytes.

Secrets are references here (`{"$secret": {...}}`) or short hashes (`{"$sensitive": "..."}`), never values; a URI loses
its query on the way in, whoever put it there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from retrainctl.diagnostics import Span
from retrainctl.diff.delta import Drift
from retrainctl.model.address import Address
from retrainctl.model.change import (
    Action,
    Cause,
    FieldChange,
    ModelChange,
    Request,
    ResourceChange,
    Risk,
    Severity,
    Step,
)
from retrainctl.model.redaction import is_signed, without_query
from retrainctl.model.resource import Knowledge
from retrainctl.model.values import MISSING, Missing, Path, SecretRef, Tree
from retrainctl.model.versions import ModelVersion
from retrainctl.plan.errors import PlanFileInvalid
from retrainctl.plan.plan import Block, Plan, PolicyOutcome, PolicyResult, Source

FORMAT_VERSION: Final = "1.0"

_ACTIONS: Final = {
    Action.CREATE: ["create"],
    Action.UPDATE: ["update"],
    Action.REPLACE: ["delete", "create"],
    Action.DELETE: ["delete"],
    Action.NO_OP: ["no-op"],
}
_VOLATILE: Final = ("digest", "checksum", "created_at", "retrainctl_version", "source", "suppressed")


def encode(plan: Plan) -> dict[str, Any]:
    """The plan as a JSON document, digest included."""
    drifted = {address for address, _ in plan.drift}
    document: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "retrainctl_version": plan.retrainctl_version,
        "created_at": plan.created_at,
        "environment": plan.environment,
        "targets": dict(plan.targets),
        "source": {
            "commit": plan.source.commit,
            "dirty": plan.source.dirty,
            "manifests": [{"path": path, "sha256": sha256} for path, sha256 in plan.source.manifests],
        },
        "summary": {**plan.counts, "no_op": plan.no_op, "drift": len(drifted), "blocked": len(plan.blocked)},
        "resource_changes": [encode_change(change) for change in plan.changes],
        "drift": [
            _sparse(
                address=str(address),
                path=list(entry.path),
                before=_tree(entry.applied),
                after=_tree(entry.live),
            )
            for address, entry in plan.drift
        ],
        "suppressed": [
            {"address": str(address), "path": list(path), "reason": reason} for address, path, reason in plan.suppressed
        ],
        "policy": [
            {"rule": p.rule, "level": p.level, "address": str(p.address), "message": p.message, "outcome": p.outcome}
            for p in plan.policy
        ],
        "blocked": [
            {
                "guard": block.guard,
                "message": block.message,
                "override": block.override,
                "address": None if block.address is None else str(block.address),
            }
            for block in plan.blocked
        ],
        "warnings": [{"code": code, "message": message} for code, message in plan.warnings],
        "not_covered": [str(address) for address in plan.not_covered],
        "complete": plan.complete,
        "applyable": plan.applyable,
    }
    document["digest"] = digest(document)
    document["checksum"] = checksum(document)
    return document


def digest(document: Mapping[str, Any]) -> str:
    """`sha256:...` over the canonical JSON without what changes from run to run."""
    stable = {name: value for name, value in document.items() if name not in _VOLATILE}
    stable["resource_changes"] = [
        {name: value for name, value in change.items() if name != "origin"} for change in document["resource_changes"]
    ]
    return "sha256:" + hashlib.sha256(orjson.dumps(stable, option=orjson.OPT_SORT_KEYS)).hexdigest()


def checksum(document: Mapping[str, Any]) -> str:
    """`sha256:...` over everything, the volatile parts too: whether the document is as it was made."""
    rest = {name: value for name, value in document.items() if name != "checksum"}
    return "sha256:" + hashlib.sha256(orjson.dumps(rest, option=orjson.OPT_SORT_KEYS)).hexdigest()


def canonical(document: Mapping[str, Any]) -> bytes:
    """The bytes of a plan file: sorted members, two blanks of indent, a final newline."""
    option = orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(document, option=option)


def decode(document: Mapping[str, Any]) -> Plan:
    """The plan of a document that `planfile` has checked; raises `PlanFileInvalid` on a shape that it does not know."""
    try:
        return Plan(
            environment=document["environment"],
            targets=document["targets"],
            changes=tuple(decode_change(change) for change in document["resource_changes"]),
            drift=tuple(
                (
                    Address.parse(entry["address"]),
                    Drift(path=tuple(entry["path"]), applied=_get(entry, "before"), live=_get(entry, "after")),
                )
                for entry in document["drift"]
            ),
            suppressed=tuple(
                (Address.parse(e["address"]), tuple(e["path"]), e["reason"]) for e in document["suppressed"]
            ),
            policy=tuple(
                PolicyResult(
                    rule=p["rule"],
                    level=p["level"],
                    address=Address.parse(p["address"]),
                    message=p["message"],
                    outcome=PolicyOutcome(p["outcome"]),
                )
                for p in document["policy"]
            ),
            blocked=tuple(
                Block(
                    guard=b["guard"],
                    message=b["message"],
                    override=b["override"],
                    address=None if b["address"] is None else Address.parse(b["address"]),
                )
                for b in document["blocked"]
            ),
            warnings=tuple((w["code"], w["message"]) for w in document["warnings"]),
            not_covered=tuple(Address.parse(text) for text in document["not_covered"]),
            complete=document["complete"],
            no_op=document["summary"]["no_op"],
            source=Source(
                commit=document["source"]["commit"],
                dirty=document["source"]["dirty"],
                manifests=tuple((m["path"], m["sha256"]) for m in document["source"]["manifests"]),
            ),
            created_at=document["created_at"],
            retrainctl_version=document["retrainctl_version"],
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PlanFileInvalid(f"the plan file has an unknown shape ({error!r})") from error


def encode_change(change: ResourceChange) -> dict[str, Any]:
    """One entry of `resource_changes`."""
    entry: dict[str, Any] = {
        "address": str(change.address),
        "kind": change.address.kind,
        "target": change.target,
        "identity": change.identity,
        "change": {
            "actions": _ACTIONS[change.action],
            "before": _grown((f.path, f.before) for f in change.fields),
            "after": _grown((f.path, f.after) for f in change.fields),
            "after_unknown": {"models": True} if any(move.to_uri is None for move in change.models) else {},
            "before_sensitive": _grown((f.path, True) for f in change.fields if f.secret and f.before is not MISSING),
            "after_sensitive": _sensitive(change.fields),
            "fields": [
                _sparse(
                    path=list(f.path),
                    cause=f.cause,
                    knowledge=None if f.knowledge is Knowledge.LIVE else f.knowledge,
                    secret=f.secret or None,
                    before=None if f.before is not MISSING else False,
                    after=None if f.after is not MISSING else False,
                )
                for f in change.fields
            ],
        },
        "model_changes": [_move(move) for move in change.models],
        "steps": [_step(step) for step in change.steps] if len(change.steps) > 1 else [],
        "reason": change.reason,
        "action_reason": _cause(change),
        "origin": None
        if change.origin is None
        else {"path": change.origin.file, "line": change.origin.line, "column": change.origin.column},
        "risks": [{"code": r.code, "severity": r.severity, "message": r.message, "hint": r.hint} for r in change.risks],
        "fingerprint": change.fingerprint,
        "requests": [_request(request) for step in change.steps for request in step.requests],
        "after": [str(address) for address in change.after],
    }
    if len(change.steps) == 1:
        step = change.steps[0]
        entry["step"] = _sparse(id=step.id, wait=step.wait, check=step.check)
    if change.settings:
        entry["settings"] = _tree(change.settings)
    return entry


def _cause(change: ResourceChange) -> str:
    causes = {f.cause for f in change.fields} | {m.cause for m in change.models}
    if causes <= {Cause.INTENT}:
        return Cause.INTENT
    return Cause.DRIFT if causes == {Cause.DRIFT} else Cause.BOTH


def _move(move: ModelChange) -> dict[str, Any]:
    return {
        "slot": move.slot,
        "from": None if move.before is None else move.before.label,
        "to": move.after.label,
        "from_uri": None if move.from_uri is None else without_query(move.from_uri),
        "to_uri": None if move.to_uri is None else without_query(move.to_uri),
        "from_metrics": {} if move.before is None else dict(move.before.metrics),
        "to_metrics": dict(move.after.metrics),
        "cause": move.cause,
        "knowledge": move.knowledge,
        "from_sha256": None if move.before is None else move.before.sha256,
        "to_sha256": move.after.sha256,
        "to_file": move.after.file,
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "id": step.id,
        "requests": [_request(request) for request in step.requests],
        "wait": step.wait,
        "check": step.check,
    }


def _request(request: Request) -> dict[str, Any]:
    entry: dict[str, Any] = {"method": request.method, "path": request.path}
    if request.body is not MISSING:
        entry["body"] = _tree(request.body)
    return entry


def _sparse(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _tree(value: Tree | Missing) -> Any:
    if isinstance(value, str):
        return without_query(value) if is_signed(value) else value
    if isinstance(value, SecretRef):
        return {"$secret": value.to_json()}
    if isinstance(value, Mapping):
        return {name: _tree(member) for name, member in value.items()}
    if isinstance(value, Sequence):
        return [_tree(item) for item in value]
    return None if value is MISSING else value


def _grown(pairs: Any) -> dict[str, Any]:
    """Values at their places in one tree; what is missing has no place."""
    tree: dict[str, Any] = {}
    for path, value in pairs:
        if value is MISSING:
            continue
        node = tree
        for name in path[:-1]:
            node = node.setdefault(name, {})
        node[path[-1]] = _tree(value)
    return tree


def _sensitive(fields: Sequence[FieldChange]) -> dict[str, Any]:
    """`true` at every place of `after` that stands for a secret."""
    tree: dict[str, Any] = {}
    for field in fields:
        if field.after is MISSING:
            continue
        marks = True if field.secret else _marks(field.after)
        if not marks:
            continue
        node = tree
        for name in field.path[:-1]:
            node = node.setdefault(name, {})
        node[field.path[-1]] = marks
    return tree


def _marks(value: Tree) -> Any:
    if isinstance(value, SecretRef):
        return True
    if isinstance(value, Mapping):
        return {name: marks for name, member in value.items() if (marks := _marks(member))}
    return False


def decode_change(entry: Mapping[str, Any]) -> ResourceChange:
    """The change of one entry, also of one whose calls were left out; raises `KeyError` and the like on other shapes."""
    change = entry["change"]
    actions = {tuple(words): action for action, words in _ACTIONS.items()}
    fields = tuple(
        FieldChange(
            path=(path := tuple(f["path"])),
            before=MISSING if f.get("before") is False else _at(change["before"], path),
            after=MISSING if f.get("after") is False else _at(change["after"], path),
            cause=Cause(f["cause"]),
            secret=bool(f.get("secret")),
            knowledge=Knowledge(f.get("knowledge", Knowledge.LIVE)),
        )
        for f in change["fields"]
    )
    origin = entry["origin"]
    return ResourceChange(
        address=Address.parse(entry["address"]),
        target=entry["target"],
        identity=entry["identity"],
        action=actions[tuple(change["actions"])],
        fields=fields,
        models=tuple(_read_move(move) for move in entry["model_changes"]),
        steps=_read_steps(entry),
        reason=entry["reason"],
        origin=None if origin is None else Span(origin["path"], origin["line"], origin["column"]),
        risks=tuple(
            Risk(code=r["code"], severity=Severity(r["severity"]), message=r["message"], hint=r["hint"])
            for r in entry["risks"]
        ),
        fingerprint=entry["fingerprint"],
        after=tuple(Address.parse(text) for text in entry["after"]),
        settings=_read_tree(entry.get("settings", {})),
    )


def _read_steps(entry: Mapping[str, Any]) -> tuple[Step, ...]:
    requests = tuple(_read_request(request) for request in entry["requests"])
    if "step" in entry:
        step = entry["step"]
        return (Step(id=step["id"], requests=requests, wait=step.get("wait"), check=step.get("check")),)
    return tuple(
        Step(
            id=step["id"],
            requests=tuple(_read_request(request) for request in step["requests"]),
            wait=step["wait"],
            check=step["check"],
        )
        for step in entry["steps"]
    )


def _read_request(entry: Mapping[str, Any]) -> Request:
    body = _read_tree(entry["body"]) if "body" in entry else MISSING
    return Request(method=entry["method"], path=entry["path"], body=body)


def _read_move(entry: Mapping[str, Any]) -> ModelChange:
    return ModelChange(
        slot=entry["slot"],
        before=_read_version(entry["from"], entry["from_uri"], entry["from_sha256"], entry["from_metrics"]),
        after=_known(
            _read_version(entry["to"], entry["to_uri"], entry["to_sha256"], entry["to_metrics"], entry["to_file"])
        ),
        from_uri=entry["from_uri"],
        to_uri=entry["to_uri"],
        cause=Cause(entry["cause"]),
        knowledge=Knowledge(entry["knowledge"]),
    )


def _read_version(
    label: str | None, uri: str | None, sha256: str | None, metrics: Mapping[str, float], file: str | None = None
) -> ModelVersion | None:
    if label is None:
        return None
    model, _, version = label.rpartition("@")
    return ModelVersion(model=model, version=int(version), uri=uri, sha256=sha256, metrics=metrics, file=file)


def _known(version: ModelVersion | None) -> ModelVersion:
    if version is None:
        raise ValueError("a model change without a new version")
    return version


def _read_tree(value: Any) -> Any:
    if isinstance(value, dict):
        if len(value) == 1 and isinstance(reference := value.get("$secret"), dict):
            return SecretRef.from_json(reference)
        return {name: _read_tree(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_read_tree(item) for item in value]
    return value


def _get(entry: Mapping[str, Any], name: str) -> Any:
    return entry.get(name, MISSING)


def _at(tree: Any, path: Path) -> Any:
    for name in path:
        tree = tree[name]
    return _read_tree(tree)

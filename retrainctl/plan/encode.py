"""The plan as canonical JSON (DESIGN.md section 6). The same inputs give the same bytes.

Secrets are references here (`{"$secret": {...}}`) or short hashes (`{"$sensitive": "..."}`), never values; a URI loses
its query on the way in, whoever put it there.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from retrainctl.model.change import (
    Action,
    Cause,
    FieldChange,
    ModelChange,
    Request,
    ResourceChange,
    Step,
)
from retrainctl.model.exemption import Exemption
from retrainctl.model.redaction import is_signed, without_query
from retrainctl.model.resource import Knowledge
from retrainctl.model.values import MISSING, Missing, SecretRef, Tree
from retrainctl.plan.plan import Plan, PolicyOutcome

FORMAT_VERSION: Final = "1.0"

# orjson would write any dataclass as its members, a secret among them; here it refuses.
_STRICT: Final = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS

ACTIONS: Final = {
    Action.CREATE: ["create"],
    Action.UPDATE: ["update"],
    Action.REPLACE: ["delete", "create"],
    Action.DELETE: ["delete"],
    Action.NO_OP: ["no-op"],
}
_VOLATILE: Final = ("digest", "checksum", "created_at", "retrainctl_version", "source", "suppressed")


def encode(plan: Plan) -> dict[str, Any]:
    """The plan as a JSON document, digest included."""
    drifted = {address for address, _ in plan.alarms}
    outcomes = Counter(result.outcome for result in plan.policy)
    document: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "retrainctl_version": plan.retrainctl_version,
        "created_at": plan.created_at,
        "environment": plan.environment,
        "targets": dict(sorted(plan.targets.items())),
        "source": {
            "commit": plan.source.commit,
            "dirty": plan.source.dirty,
            "manifests": [{"path": path, "sha256": sha256} for path, sha256 in plan.source.manifests],
            **({"guards": dict(zip(("ref", "commit"), plan.source.guards, strict=True))} if plan.source.guards else {}),
        },
        "summary": {
            **plan.counts,
            "no_op": plan.no_op,
            "drift": len(drifted),
            "blocked": len(plan.blocked),
            "denied": outcomes[PolicyOutcome.DENIED],
            "excepted": outcomes[PolicyOutcome.EXCEPTED],
        },
        "resource_changes": [encode_change(change) for change in plan.changes],
        "drift": [
            _sparse(
                address=str(address),
                path=list(entry.path),
                before=_tree(entry.applied),
                after=_tree(entry.live),
                allowed=None if entry.allowed is None else _allowance(entry.allowed),
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


def _allowance(exemption: Exemption) -> dict[str, str]:
    expires = exemption.expires.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"owner": exemption.owner, "reason": exemption.reason, "expires": expires}


def digest(document: Mapping[str, Any]) -> str:
    """`sha256:...` over the canonical JSON without what changes from run to run."""
    stable = {name: value for name, value in document.items() if name not in _VOLATILE}
    stable["resource_changes"] = [
        {name: value for name, value in change.items() if name != "origin"} for change in document["resource_changes"]
    ]
    return "sha256:" + hashlib.sha256(orjson.dumps(stable, option=_STRICT)).hexdigest()


def checksum(document: Mapping[str, Any]) -> str:
    """`sha256:...` over everything, the volatile parts too: whether the document is as it was made."""
    rest = {name: value for name, value in document.items() if name != "checksum"}
    return "sha256:" + hashlib.sha256(orjson.dumps(rest, option=_STRICT)).hexdigest()


def canonical(document: Mapping[str, Any]) -> bytes:
    """The bytes of a plan file: sorted members, two blanks of indent, a final newline."""
    return orjson.dumps(document, option=_STRICT | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def encode_change(change: ResourceChange) -> dict[str, Any]:
    """One entry of `resource_changes`."""
    entry: dict[str, Any] = {
        "address": str(change.address),
        "kind": change.address.kind,
        "target": change.target,
        "identity": change.identity,
        "change": {
            "actions": ACTIONS[change.action],
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
    if type(value) is dict:  # asking for `Mapping` takes ten times as long
        return {name: _tree(member) for name, member in value.items()}
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

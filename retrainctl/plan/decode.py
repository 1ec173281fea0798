"""A plan file's JSON back to a plan: only what `encode` writes is understood."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

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
from retrainctl.model.exemption import Exemption
from retrainctl.model.resource import Knowledge
from retrainctl.model.values import MISSING, Path, SecretRef
from retrainctl.model.versions import ModelVersion
from retrainctl.plan.encode import ACTIONS
from retrainctl.plan.errors import PlanFileInvalid
from retrainctl.plan.plan import Block, Plan, PolicyOutcome, PolicyResult, Source

_BY_WORDS: Mapping[tuple[str, ...], Action] = {tuple(words): action for action, words in ACTIONS.items()}


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
                    Drift(
                        path=tuple(entry["path"]),
                        applied=_get(entry, "before"),
                        live=_get(entry, "after"),
                        allowed=_read_allowance(entry),
                    ),
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
                guards=_read_guards(document["source"]),
            ),
            created_at=document["created_at"],
            retrainctl_version=document["retrainctl_version"],
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PlanFileInvalid(f"the plan file has an unknown shape ({error!r})") from error


def _read_allowance(entry: Mapping[str, Any]) -> Exemption | None:
    allowed = entry.get("allowed")
    if allowed is None:
        return None
    return Exemption(
        address=entry["address"],
        path=".".join(entry["path"]),
        owner=allowed["owner"],
        reason=allowed["reason"],
        expires=datetime.fromisoformat(allowed["expires"]),
    )


def _read_guards(source: Mapping[str, Any]) -> tuple[str, str] | None:
    guards = source.get("guards")
    return None if guards is None else (guards["ref"], guards["commit"])


def decode_change(entry: Mapping[str, Any]) -> ResourceChange:
    """The change of one entry of `resource_changes`; raises `KeyError` and the like on other shapes."""
    change = entry["change"]
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
        action=_BY_WORDS[tuple(change["actions"])],
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

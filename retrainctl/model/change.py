"""A resource's transition, in the words that the plan, the reviewers and the targets share."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum

from retrainctl.diagnostics import Span
from retrainctl.fastclass import dataclass
from retrainctl.model.address import Address
from retrainctl.model.resource import Knowledge
from retrainctl.model.values import MISSING, Fields, Missing, Path, Tree
from retrainctl.model.versions import ModelVersion


class Action(StrEnum):
    """What happens to a resource; the plan file spells a replacement as `["delete", "create"]`."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    NO_OP = "no-op"


class Cause(StrEnum):
    """Why live and desired differ: we want something else, somebody changed it, or both."""

    INTENT = "intent"
    DRIFT = "drift"
    BOTH = "both"


class Severity(StrEnum):
    """How much a risk deserves a reviewer's eye."""

    NOTE = "note"
    WARNING = "warning"
    DANGER = "danger"


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """Something a reviewer should know before saying yes. `code` is kebab-case, e.g. `version-goes-back`."""

    code: str
    message: str
    severity: Severity = Severity.WARNING
    hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field's transition; `MISSING` on a side that has no such member."""

    path: Path
    before: Tree | Missing
    after: Tree | Missing
    cause: Cause = Cause.INTENT
    secret: bool = False
    knowledge: Knowledge = Knowledge.LIVE
    span: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChange:
    """A slot's move. `before` is the version whose URI the slot serves, where that is known."""

    slot: str
    before: ModelVersion | None
    after: ModelVersion
    from_uri: str | None
    to_uri: str | None
    cause: Cause = Cause.INTENT
    knowledge: Knowledge = Knowledge.LIVE
    span: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP call as it will be sent, a secret standing as `SecretRef` or as `{"$sensitive": HASH}`."""

    method: str
    path: str
    body: Tree | Missing = MISSING


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One resumable part of a change: its calls, what is waited for, what is checked. `id` is unique in the change."""

    id: str
    requests: tuple[Request, ...]
    wait: str | None = None
    check: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceChange:
    """One resource's planned transition, complete enough to be carried out without the manifests.

    identity: the target's id, where the resource exists or where it will be.
    fields: the changed fields; for a creation all declared ones (`after` only).
    fingerprint: of the live resource that it was planned against; None for a creation, and for the rest of a change
        that an interrupted run had begun.
    reason: one sentence for people.
    """

    address: Address
    target: str
    identity: str
    action: Action
    fields: tuple[FieldChange, ...] = ()
    models: tuple[ModelChange, ...] = ()
    steps: tuple[Step, ...] = ()
    reason: str = ""
    origin: Span | None = None
    risks: tuple[Risk, ...] = ()
    fingerprint: str | None = None
    after: tuple[Address, ...] = ()
    settings: Fields = field(default_factory=dict)

    def wanted(self) -> dict[str, Tree]:
        """The new values as a tree by field name, removed members left out."""
        tree: dict[str, Tree] = {}
        for change in self.fields:
            if change.after is MISSING:
                continue
            node = tree
            for name in change.path[:-1]:
                child = node.get(name)
                node[name] = child = dict(child) if isinstance(child, dict) else {}
                node = child
            node[change.path[-1]] = change.after
        return tree

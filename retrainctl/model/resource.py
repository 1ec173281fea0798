"""A resource three times: as wished, as it is, as we last wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum

from retrainctl.diagnostics import Span
from retrainctl.fastclass import dataclass
from retrainctl.model.address import Address
from retrainctl.model.values import Fields, JsonObject, Path
from retrainctl.model.versions import ModelVersion


class Knowledge(StrEnum):
    """Where our knowledge of a value comes from."""

    LIVE = "live"
    APPLIED = "applied"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """What a manifest says of one resource.

    place: where it is (`name`, `resourceGroup` ...), defaults of the environment filled in.
    fields: the declared fields only, in Azure's spelling, normalised; a secret stands as `SecretRef`.
    slots: trained model slot name -> the version that it shall serve.
    after: addresses that must be done first (`metadata.after` and what references imply).
    origin: the document or CSV row that made it; `spans` has finer places by path (`("models", slot)`, `("title",)`).
    settings: members that steer planning but are no field of the resource (`refresh`, `readOnly` guards ...).
    """

    address: Address
    place: Mapping[str, str]
    fields: Fields = field(default_factory=dict)
    slots: Mapping[str, ModelVersion] = field(default_factory=dict)
    after: tuple[Address, ...] = ()
    settings: JsonObject = field(default_factory=dict)
    origin: Span | None = None
    spans: Mapping[Path, Span] = field(default_factory=dict)

    def span(self, path: Path) -> Span | None:
        """The closest known place of `path`: its own, else an outer one's, else the document's."""
        while path:
            if (found := self.spans.get(path)) is not None:
                return found
            path = path[:-1]
        return self.origin


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotState:
    """What a slot serves: `uri` without query (None when unknown) and how we know.

    path: where the reference stands among the fields, so that one change is not told twice.
    """

    uri: str | None
    knowledge: Knowledge = Knowledge.LIVE
    path: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalised:
    """A difference of form that is not a difference of meaning: where, and the reason code of the rule."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What a target shows of one resource.

    identity: the target's own id (an ARM resource id, a workspace path).
    fields: normalised, comparable, read-only and secret members removed.
    slots: every trained model slot that there is.
    fingerprint: `sha256:...` of the normalised content; equal from export, snapshot or GET.
    revision: the target's own change mark (`modifiedOn`, an ETag) where it has one.
    broken: why the resource exists but does not work (a failed creation), else None.
    busy: a change of it is under way at the service; what is read is what was before.
    unfinished: what a change of several steps has left half-way; None where it is whole.
    document: the whole resource as read, for backup and for writes that must keep what we do not know. Never shown.
    """

    address: Address
    identity: str
    fields: Fields
    slots: Mapping[str, SlotState] = field(default_factory=dict)
    fingerprint: str
    revision: str | None = None
    broken: str | None = None
    busy: bool = False
    unfinished: str | None = None
    document: JsonObject = field(default_factory=dict, repr=False)
    normalised: tuple[Normalised, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedSlot:
    """What we last put into a slot."""

    uri: str
    model: str | None = None
    version: int | None = None
    sha256: str | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What we last wrote, from the ledger.

    fields: as written; a secret stands as `{"$hash": "..."}`, salted by environment and address.
    created: whether we made the resource (only such may be pruned).
    revision: the target's change mark right after the write, where it has one.
    """

    address: Address
    identity: str = ""
    fields: Fields = field(default_factory=dict)
    slots: Mapping[str, AppliedSlot] = field(default_factory=dict)
    created: bool = False
    fingerprint: str | None = None
    revision: str | None = None
    run: str | None = None

"""A planned change as the exact calls that carry it out. Pure: no network, no clock, no secrets.

One builder makes both forms: the planned one, where secrets are references and what a live document hides is a hash,
and the sent one. The rules are those of arm-webservices.md sections 6 and 14: an update is a PATCH of complete
top-level groups with the changed members in them, always with `packageType`, never with `storageAccount` beside a
model, never with anything that cannot change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from retrainctl.definition.edit import revise
from retrainctl.definition.export import in_form
from retrainctl.definition.slots import replace_slot
from retrainctl.fastclass import dataclass
from retrainctl.model.address import Address
from retrainctl.model.change import ResourceChange
from retrainctl.model.redaction import Redactor, is_signed, short_hash, without_query
from retrainctl.model.values import MISSING, JsonObject, Missing, Path, SecretRef, Tree

_NEW: Final[JsonObject] = {"properties": {}}
# Groups whose other members a read does not show: an update sends the changed ones by themselves.
_ALONE: Final = frozenset({"keys", "storageAccount"})
REGIONS: Final = "regions"
"""The field that is no member of the service: each region in it is a call of its own (section 9)."""
_FIXED: Final = frozenset({REGIONS, "location", "commitmentPlan", "packageType", "machineLearningWorkspace"})

Plans = Callable[[str], str]
"""The id of the commitment plan that a manifest calls by this address."""

UPLOADED: Final[Mapping[str, str]] = {"$unknown": "the uploaded file's address"}
"""Stands in a planned body for the blob of a model version that is only a file yet."""


def creation_body(change: ResourceChange, api_version: str, plan_id: Plans) -> dict[str, Any]:
    """The whole service for a PUT: the declared fields, completed by the models; secrets as references.

    Raises `InvalidInput` where the plan cannot hold what the service needs (ciphertext, a slot that is not there).
    """
    declared = [f for f in change.fields if f.path[0] != REGIONS]
    document = _with_models(revise(_NEW, ((f.path, f.after) for f in declared)), change)
    properties = {"packageType": "Graph", **document["properties"]}
    if "commitmentPlan" in properties:
        properties["commitmentPlan"] = _plan(properties["commitmentPlan"], plan_id)
    body: dict[str, Any] = {"location": document.get("location"), "properties": in_form(properties, api_version)}
    return {**body, "tags": document["tags"]} if document.get("tags") else body


def update_body(change: ResourceChange, document: JsonObject, api_version: str) -> dict[str, Any]:
    """The PATCH for an existing service whose live form is `document`.

    Each touched group goes out whole, with members that we do not know, so that it does not matter whether the service
    merges or replaces maps (section 6, "not evidenced"). Raises `InvalidInput` like `creation_body`.
    """
    fields = [f for f in change.fields if f.path[0] not in _FIXED]
    whole = _with_models(revise(document, ((f.path, f.after) for f in fields if f.path[0] not in _ALONE)), change)
    alone = revise(_NEW, ((f.path, f.after) for f in fields if f.path[0] in _ALONE))["properties"]
    groups = dict.fromkeys([*(f.path[0] for f in fields), *(("assets",) if change.models else ())])
    properties: dict[str, Any] = {"packageType": "Graph"}
    body: dict[str, Any] = {}
    for group in groups:
        if group == "tags":
            body["tags"] = whole.get("tags") or {}
        elif group in _ALONE:
            properties[group] = alone[group]
        else:
            properties[group] = whole["properties"].get(group, _EMPTIED)
    body["properties"] = in_form(properties, api_version)
    return body


_EMPTIED: Final = ""
"""What a member that shall go is set to. Whether null deletes is not evidenced (section 6); title and description, the
only ones that come to this, are returned as `""` when set so (4.2)."""


def plan_creation_body(change: ResourceChange) -> dict[str, Any]:
    """A commitment plan for a PUT, as it was recorded (`properties` empty: all of them are read-only)."""
    wanted = change.wanted()
    body: dict[str, Any] = {"location": wanted.get("location"), "sku": wanted.get("sku"), "properties": {}}
    return {**body, "tags": wanted["tags"]} if wanted.get("tags") else body


def plan_update_body(change: ResourceChange, document: JsonObject) -> dict[str, Any]:
    """The PATCH of a commitment plan: `sku` whole, so that the capacity is never reset, and `tags` whole."""
    body: dict[str, Any] = {}
    for entry in change.fields:
        group = entry.path[0]
        if group in ("sku", "tags"):
            body[group] = _placed(body.get(group, document.get(group)), entry.path[1:], entry.after)
    return body


def reveal(tree: Tree, resolve: Callable[[SecretRef], str]) -> Any:
    """The body as it is sent: every reference replaced by its secret."""
    if isinstance(tree, SecretRef):
        return resolve(tree)
    if isinstance(tree, Mapping):
        return {name: reveal(item, resolve) for name, item in tree.items()}
    if isinstance(tree, list | tuple):
        return [reveal(item, resolve) for item in tree]
    return tree


def hidden_places(tree: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where a tree from a plan file holds a hash in place of the value: such a body cannot be sent."""
    if isinstance(tree, Mapping):
        if "$sensitive" in tree or "$unknown" in tree:
            yield path
            return
        for name, item in tree.items():
            yield from hidden_places(item, (*path, name))
    elif isinstance(tree, list):
        for index, item in enumerate(tree):
            yield from hidden_places(item, (*path, str(index)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hider:
    """Takes out of a planned body what a live document may carry: signatures, credentials, ciphertext."""

    environment: str
    address: Address

    def hide(self, tree: Any, name: str = "") -> Any:
        """The tree with each such value as `{"$sensitive": HASH}`; references to secrets stay."""
        if isinstance(tree, str):
            return self._text(tree, name)
        if isinstance(tree, dict | Mapping):
            if tree.get("certificateThumbprint"):
                return {**tree, "value": self._quick(tree.get("value"))}
            return {member: self.hide(item, member) for member, item in tree.items()}
        return [self.hide(item) for item in tree] if isinstance(tree, list | tuple) else tree

    def _text(self, text: str, name: str) -> Any:
        # Every form of a secret that can be told by its looks has one of these; few texts do.
        looks = "=" in text or "earer" in text or "EARER" in text
        if looks and is_signed(text):
            return self._quick(text)
        if (name == "credentials" and text) or (looks and _CLEANER.clean(text) != text):
            return {"$sensitive": short_hash(text, environment=self.environment, address=str(self.address))}
        return text

    def _quick(self, value: Any) -> dict[str, str]:
        """Signatures and ciphertext cannot be guessed, so an ordinary salted hash is enough; there may be thousands."""
        text = f"{self.environment}\0{self.address}\0{value}"
        return {"$sensitive": hashlib.sha256(text.encode()).hexdigest()[:12]}


_CLEANER: Final = Redactor()


def _with_models(document: dict[str, Any], change: ResourceChange) -> dict[str, Any]:
    """One changed value per slot; every other member is the same object as before."""
    for move in change.models:
        uri = UPLOADED if move.to_uri is None else without_query(move.to_uri)
        document = replace_slot(document, move.slot, uri)  # type: ignore[arg-type]
    return document


def _placed(tree: Any, path: Path, value: Tree | Missing) -> Any:
    if not path:
        return {} if value is MISSING else value
    out = dict(tree) if isinstance(tree, Mapping) else {}
    if len(path) == 1 and value is MISSING:
        out.pop(path[0], None)
    else:
        out[path[0]] = _placed(out.get(path[0]), path[1:], value)
    return out


def _plan(value: Any, plan_id: Plans) -> Any:
    named = value.get("id") if isinstance(value, Mapping) else value
    if isinstance(named, str) and not named.startswith("/"):
        return {"id": plan_id(named)}
    return value if isinstance(value, Mapping) else {"id": value}

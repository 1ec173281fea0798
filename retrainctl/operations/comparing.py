"""Two plans apart: why the digest that was reviewed is not the digest of the plan that is made now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

_OTHERS: Final = {
    "environment": "it is for another environment",
    "targets": "it is for another place",
    "blocked": "guards say something else",
    "policy": "policies say something else",
    "drift": "other drift was found",
    "warnings": "there are other warnings",
    "not_covered": "other resources are not covered",
    "complete": "it covers more or less than before",
    "summary": "the counts are others",
}
_Entry = Mapping[str, Any]


def differences(reviewed: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs between two plan documents, in sentences, resources first. Pure; empty for equal digests."""
    return [*_resources(reviewed, now), *_rest(reviewed, now)]


def _resources(reviewed: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    former = {entry["address"]: entry for entry in reviewed["resource_changes"]}
    latter = {entry["address"]: entry for entry in now["resource_changes"]}
    for address in sorted({*former, *latter}):
        old, new = former.get(address), latter.get(address)
        if old is None:
            yield f"{address} is planned now and was not reviewed"
        elif new is None:
            yield f"{address} was reviewed and is not planned any more"
        elif what := "; ".join(_changes(old, new)):
            yield f"{address}: {what}"


def _changes(old: _Entry, new: _Entry) -> Iterator[str]:
    before, after = old["change"], new["change"]
    if before["actions"] != after["actions"]:
        yield f"{'-'.join(after['actions'])} instead of {'-'.join(before['actions'])}"
    yield from _moves(old["model_changes"], new["model_changes"])
    fields = _fields(before), _fields(after)
    moved = sorted(path for path in {*fields[0], *fields[1]} if fields[0].get(path) != fields[1].get(path))
    if moved:
        yield f"other values of {', '.join(moved[:5])}" + (f" and {len(moved) - 5} more" if len(moved) > 5 else "")
    if old["fingerprint"] != new["fingerprint"]:
        yield "it changed at the target"
    if [risk["code"] for risk in old["risks"]] != [risk["code"] for risk in new["risks"]]:
        yield "other risks"
    if old["requests"] != new["requests"] and not moved and old["model_changes"] == new["model_changes"]:
        yield "other requests"


def _moves(old: list[_Entry], new: list[_Entry]) -> Iterator[str]:
    former = {move["slot"]: move for move in old}
    latter = {move["slot"]: move for move in new}
    for slot in sorted({*former, *latter}):
        was, is_now = former.get(slot), latter.get(slot)
        if was == is_now:
            continue
        if was is None or is_now is None:
            yield f'slot "{slot}" {"moves too" if was is None else "does not move any more"}'
        elif (was["to"], was["to_uri"]) != (is_now["to"], is_now["to_uri"]):
            yield f'slot "{slot}" moves to {is_now["to"]} instead of {was["to"]}'
        else:
            yield f'slot "{slot}" moves from {is_now["from"] or is_now["from_uri"] or "something unknown"}'


def _fields(change: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry in change["fields"]:
        path = entry["path"]
        found[".".join(path)] = (entry, _at(change["before"], path), _at(change["after"], path))
    return found


def _at(tree: Any, path: list[str]) -> Any:
    for name in path:
        if not isinstance(tree, Mapping) or name not in tree:
            return None
        tree = tree[name]
    return tree


def _rest(reviewed: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for member, sentence in _OTHERS.items():
        if reviewed.get(member) != now.get(member):
            yield sentence

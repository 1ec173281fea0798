"""An estate from a list answer alone: identity and what a list shows, without a call (arm-webservices.md section 5)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from retrainctl.definition.observe import broken
from retrainctl.diff.compare import folded
from retrainctl.errors import RetrainctlError
from retrainctl.fastclass import dataclass
from retrainctl.operations.folding import Found, fields_of

_TYPE: Final = "microsoft.machinelearning/webservices"
_LISTED: Final = {"title": "title", "description": "description"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What a list holds. left_out: `ADDRESS in GROUP: why`, one per service that cannot be declared.

    subscriptions, groups: where the found services are, the most frequent first.
    """

    found: tuple[Found, ...]
    left_out: tuple[str, ...]
    subscriptions: tuple[str, ...]
    groups: tuple[str, ...]


def from_lists(
    files: Sequence[Path], *, subscription: str | None = None, home: str | None = None, location: str | None = None
) -> Listed:
    """The web services that list answers name; each once, broken ones reported.

    Args:
        files: pages `{"value": [...]}`, plain lists, or recordings `{"Entries": [...]}` with such answers in them.
        subscription: services of others are left out; None: of the one that most are in.
        home: the group that needs no mention in a manifest; None: the one that has most.
        location: the same for the location.

    Raises `RetrainctlError` (RC005, RC018) for a file that cannot be read or holds no list.
    """
    items: dict[str, Mapping[str, Any]] = {}
    for file in files:
        for item in _items(file):
            items[str(item["id"]).casefold()] = item
    placed = [(item, place) for item in items.values() if (place := _place(str(item["id"]))) is not None]
    where = Counter(place[0] for _, place in placed)
    own = subscription or (where.most_common(1)[0][0] if where else "")
    groups = Counter(place[1].casefold() for _, place in placed if place[0].casefold() == own.casefold())
    default = (home or (groups.most_common(1)[0][0] if groups else "")).casefold()
    found: list[Found] = []
    left_out: list[str] = []
    for item, (mine, group, name) in sorted(placed, key=lambda pair: str(pair[0]["id"]).casefold()):
        why = broken(item) if mine.casefold() == own.casefold() else f"it is in subscription {mine}"
        if why is not None:
            left_out.append(f"WebService/{name} in {group}: {why}")
            continue
        found.append(_found(item, name, group, default=default, location=location))
    order = [group for group, _ in groups.most_common()]
    return Listed(
        found=tuple(found),
        left_out=tuple(left_out),
        subscriptions=tuple(name for name, _ in where.most_common()),
        groups=tuple(order),
    )


def _found(item: Mapping[str, Any], name: str, group: str, *, default: str, location: str | None) -> Found:
    properties = item["properties"]
    spec: dict[str, Any] = {} if group.casefold() == default else {"resourceGroup": group}
    there = item.get("location")
    if location is not None and isinstance(there, str) and folded(there) != folded(location):
        spec["location"] = there
    spec |= fields_of(_LISTED, {key: v for key, v in properties.items() if isinstance(v, str)}, _LISTED)
    tags = item.get("tags")
    if isinstance(tags, Mapping) and tags:
        spec["tags"] = {str(key): str(value) for key, value in tags.items()}
    return Found(kind="WebService", name=name, spec=spec, group=group)


def _place(identity: str) -> tuple[str, str, str] | None:
    """Subscription, resource group and name of a web service's id."""
    parts = identity.split("/")
    if len(parts) != 9 or f"{parts[6]}/{parts[7]}".casefold() != _TYPE:
        return None
    return parts[2], parts[4], parts[8]


def _items(file: Path) -> Iterator[Mapping[str, Any]]:
    try:
        document = json.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise RetrainctlError(
            f"cannot read {file}: {(error.strerror or str(error)).lower()}", code="RC005", hint="Check the path."
        ) from error
    except ValueError as error:
        raise _no_list(file, f"is not JSON: {error}") from error
    answers = list(_answers(document))
    if not answers:
        raise _no_list(file, "holds no list of web services")
    for answer in answers:
        yield from (item for item in answer if _usable(item))


def _usable(item: Any) -> bool:
    return isinstance(item, Mapping) and isinstance(item.get("id"), str) and isinstance(item.get("properties"), Mapping)


def _answers(document: Any) -> Iterator[Iterable[Any]]:
    """The lists in a document: itself, a page of an answer, or the answers of a recording."""
    if isinstance(document, list):
        yield document
    elif isinstance(document, Mapping) and isinstance(document.get("value"), list):
        yield document["value"]
    elif isinstance(document, Mapping) and isinstance(document.get("Entries"), list):
        for entry in document["Entries"]:
            body = entry.get("ResponseBody") if isinstance(entry, Mapping) else None
            uri = str(entry.get("RequestUri", "")) if isinstance(entry, Mapping) else ""
            if not (isinstance(body, str) and _TYPE.partition("/")[2] in uri.casefold()):
                continue
            try:
                yield from _answers(json.loads(body))
            except ValueError:
                continue


def _no_list(file: Path, what: str) -> RetrainctlError:
    return RetrainctlError(
        f"{file} {what}",
        code="RC018",
        hint='Save the whole answer of the list call: {"value": [...]}.',
    )

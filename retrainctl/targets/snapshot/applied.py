"""`applied.json`: what the ledger knew when the snapshot was taken, so that planning offline has all three sides.

One object by address: `{"WebService/census": {"identity", "fields", "slots", "created", "fingerprint", "revision",
"run"}}`; a slot is `{"uri", "model", "version", "sha256", "etag"}`. Members that are empty or unknown are left out.
Secrets stand in it as `{"$hash": ...}`, as the ledger keeps them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from retrainctl.definition.encoding import pretty
from retrainctl.definition.file import load_bytes
from retrainctl.definition.parsing import invalid, parse
from retrainctl.diagnostics import Span
from retrainctl.errors import InvalidInput
from retrainctl.model.address import Address
from retrainctl.model.redaction import without_query
from retrainctl.model.resource import Applied, AppliedSlot
from retrainctl.targets.snapshot.folder import APPLIED

_LARGE: Final = 1 << 18


def encode(records: Iterable[Applied]) -> bytes:
    """The file: sorted by address, same records same bytes."""
    tree = {str(record.address): to_json(record) for record in records}
    return pretty(tree, sort=True)


def read_applied(root: Path, shown: str) -> dict[Address, Applied]:
    """Reads the file of a snapshot folder; nothing when there is none.

    Raises:
        InvalidInput: it is not what `encode` writes.
    """
    path = root / APPLIED
    if not path.is_file():
        return {}
    file = f"{shown}/{APPLIED}"
    raw = load_bytes(path, shown=file)
    if len(raw) > _LARGE and (records := _read_large(raw)) is not None:
        return records
    data = parse(raw, file=file)
    if not isinstance(data, dict):
        raise _bad(file, "it must be an object by address")
    each = (from_json(name, item, file) for name, item in data.items())
    return {record.address: record for record in each}


def _read_large(raw: bytes) -> dict[Address, Applied] | None:
    """The same in a fifth of the time; None for anything that is not quite as it should be."""
    import msgspec

    kept = dict.fromkeys(_TEXTS, str | None)
    record: Any = msgspec.defstruct(
        "record",
        [
            *((name, kind, None) for name, kind in kept.items()),
            ("fields", dict[str, Any], msgspec.field(default_factory=dict)),
            ("slots", dict[str, AppliedSlot], msgspec.field(default_factory=dict)),
            ("created", bool, False),
        ],
        gc=False,
    )
    try:
        found = msgspec.json.decode(raw, type=dict[str, record])
        return {(address := Address.parse(name)): _of(address, item) for name, item in found.items()}
    except (msgspec.MsgspecError, ValueError):
        return None


def _of(address: Address, item: Any) -> Applied:
    return Applied(
        address=address,
        identity=item.identity or "",
        fields=item.fields,
        slots=item.slots,
        created=item.created,
        fingerprint=item.fingerprint,
        revision=item.revision,
        run=item.run,
    )


def to_json(record: Applied) -> dict[str, Any]:
    """One record without its address; empty members are left out."""
    slots = {name: _slot_to_json(slot) for name, slot in record.slots.items()}
    members: dict[str, Any] = {
        "identity": record.identity,
        "fields": record.fields,
        "slots": slots,
        "created": record.created,
        "fingerprint": record.fingerprint,
        "revision": record.revision,
        "run": record.run,
    }
    return {name: item for name, item in members.items() if item}


def from_json(name: str, data: Any, file: str = APPLIED) -> Applied:
    """The record of an address; raises `InvalidInput` for anything else."""
    try:
        address = Address.parse(name)
    except ValueError:
        raise _bad(file, f"{name!r} is not an address") from None
    item = _object(data, file, name)
    identity, fingerprint, revision, run = _texts(item, _TEXTS, file, name)
    slots = _object(item.get("slots", {}), file, name, "slots")
    return Applied(
        address=address,
        identity=identity or "",
        fields=_object(item.get("fields", {}), file, name, "fields"),
        slots={slot: _slot_from_json(value, file, name, slot) for slot, value in slots.items()},
        created=item.get("created") is True,
        fingerprint=fingerprint,
        revision=revision,
        run=run,
    )


_TEXTS: Final = ("identity", "fingerprint", "revision", "run")
_SLOT_TEXTS: Final = ("uri", "model", "sha256", "etag")
_OPTIONAL: Final = frozenset({str, type(None)})


def _slot_to_json(slot: AppliedSlot) -> dict[str, Any]:
    members = {
        "uri": without_query(slot.uri),
        "model": slot.model,
        "version": slot.version,
        "sha256": slot.sha256,
        "etag": slot.etag,
    }
    return {name: item for name, item in members.items() if item is not None}


def _slot_from_json(data: Any, file: str, *where: str) -> AppliedSlot:
    item = _object(data, file, *where)
    version = item.get("version")
    if version is not None and not isinstance(version, int):
        raise _bad(file, f"{': '.join(where)}: version must be a number")
    uri, model, sha256, etag = _texts(item, _SLOT_TEXTS, file, *where)
    if uri is None:
        raise _bad(file, f"{': '.join(where)}: uri must be a text")
    return AppliedSlot(uri=uri, model=model, version=version, sha256=sha256, etag=etag)


def _object(value: Any, file: str, *where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _bad(file, f"{': '.join(where)} must be an object")
    return value


def _texts(item: Mapping[str, Any], names: tuple[str, ...], file: str, *where: str) -> list[str | None]:
    """These members, each a text or absent; all are asked at once, since there are thousands of them."""
    values = [*map(item.get, names)]
    if not _OPTIONAL.issuperset(map(type, values)):
        wrong = next(name for name, value in zip(names, values, strict=True) if type(value) not in _OPTIONAL)
        raise _bad(file, f"{': '.join((*where, wrong))} must be a text")
    return values


def _bad(file: str, why: str) -> InvalidInput:
    return invalid(
        "RC224",
        f"not a record of applied resources: {why}",
        span=Span(file, 1, 1),
        hint="take the snapshot again with `retrainctl snapshot pull`",
    )

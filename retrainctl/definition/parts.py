"""Large parts of definitions, kept once.

Services made from one experiment are alike but for their models: a thousand of them have the same graph, the same
ports and the same example. An equal part is recognised by its JSON and then shared, together with all that was found
out about it: that it is proper, its comparable form, its digest. Nothing depends on it but time and memory.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

import orjson

from retrainctl.definition.encoding import canonical
from retrainctl.model.resource import Normalised

SHARED: Final = ("package", "input", "output", "exampleRequest", "parameters")
"""Members of `properties` that services have in common. Assets are not among them: they hold the model."""

_LIMIT: Final = 2 * 1024 * 1024


class Part:
    """One value of one member, in proper form. `fields` is its comparable form, `notes` what led there."""

    __slots__ = ("digest", "fields", "notes", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.fields: Any = None
        self.notes: tuple[Normalised, ...] = ()
        self.digest: str | None = None


class Parts:
    """The parts seen lately. When their JSON exceeds the limit it starts anew; what is in use stays as it is."""

    def __init__(self, limit: int = _LIMIT) -> None:
        self._limit = limit
        self._size = 0
        self._by_json: dict[bytes, Part] = {}
        self._by_value: dict[int, Part] = {}
        self._by_fields: dict[int, Part] = {}

    def share(self, document: Any) -> tuple[Any, list[tuple[bytes, Any]]]:
        """The document with every known part in place of its equal, and the parts that are new."""
        properties = document.get("properties") if type(document) is dict else None
        new: list[tuple[bytes, Any]] = []
        if type(properties) is not dict:
            return document, new
        shared: dict[str, Any] = {}
        for name in SHARED:
            item = properties.get(name)
            if type(item) is not dict or not item:
                continue
            try:
                key = name.encode() + orjson.dumps(item)
            except TypeError:  # a whole number beyond 64 bits
                continue
            known = self._by_json.get(key)
            if known is None:
                new.append((key, item))
            elif known.value is not item:
                shared[name] = known.value
        if shared:
            document = {**document, "properties": {**properties, **shared}}
        return document, new

    def keep(self, new: list[tuple[bytes, Any]]) -> None:
        """Remembers parts that turned out to be proper."""
        self._size += sum(len(key) for key, _ in new)
        if self._size > self._limit:
            self._size = 0
            self._by_json, self._by_value, self._by_fields = {}, {}, {}
        for key, item in new:
            self._by_json[key] = self._by_value[id(item)] = Part(item)

    def of(self, value: Any) -> Part | None:
        """What is known of exactly this object."""
        part = self._by_value.get(id(value))
        return part if part is not None and part.value is value else None

    def finish(self, part: Part, fields: Any, notes: tuple[Normalised, ...]) -> None:
        """Remembers a part's comparable form."""
        part.notes, part.digest, part.fields = notes, digest(fields), fields
        self._by_fields[id(fields)] = part

    def digest_of(self, fields: Any) -> str:
        """The digest of a comparable form, from memory where it is that very object."""
        part = self._by_fields.get(id(fields))
        return part.digest if part is not None and part.fields is fields and part.digest else digest(fields)


def digest(fields: Any) -> str:
    """SHA-256 of canonical JSON, in hexadecimal."""
    return sha256(canonical(fields)).hexdigest()


PARTS: Final = Parts()
"""One memory for the process. Reading definitions in several threads at once is safe: a part that one of them does
not find yet is worked out twice."""

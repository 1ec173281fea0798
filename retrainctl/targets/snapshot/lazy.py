"""Definitions that stay on disk until somebody looks into them.

A plan over thousands of services needs of each its slots, its fingerprint and a few small fields; the rest (40 kB each,
ten times that as objects) is read again for the few that change.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from retrainctl.definition.document import read
from retrainctl.definition.file import load_bytes
from retrainctl.definition.normalise import fingerprint, normalise
from retrainctl.definition.parsing import invalid
from retrainctl.diagnostics import Span

LARGE: Final = frozenset({"assets", "package", "input", "output", "exampleRequest", "parameters"})
"""Fields that are fetched when asked for; the same six that a list call leaves out."""

_KEPT: Final = 32


class Documents:
    """Reads definitions from disk, keeping the last few."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept = kept
        self._recent: OrderedDict[Path, tuple[str, dict[str, Any], dict[str, Any]]] = OrderedDict()

    def fetch(self, path: Path, shown: str, expected: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """The document and its normalised fields.

        Raises:
            InvalidInput: the file is not what it was when `expected`, its fingerprint, was taken.
        """
        found = self._recent.pop(path, None)
        if found is None:
            document = read(load_bytes(path, shown=shown), file=shown)
            fields = normalise(document)[0]
            found = (fingerprint(fields), document, fields)
        self._recent[path] = found
        if len(self._recent) > self._kept:
            self._recent.popitem(last=False)
        if found[0] != expected:
            raise invalid(
                "RC226",
                "the file changed while it was read",
                span=Span(shown, 1, 1),
                hint="run the command again",
            )
        return found[1], found[2]


class Stored:
    """Where one definition lies, and its fingerprint when it was first read."""

    __slots__ = ("_documents", "_path", "_shown", "fingerprint")

    def __init__(self, documents: Documents, path: Path, shown: str, fingerprint: str) -> None:
        self._documents = documents
        self._path = path
        self._shown = shown
        self.fingerprint = fingerprint

    def document(self) -> dict[str, Any]:
        return self._documents.fetch(self._path, self._shown, self.fingerprint)[0]

    def fields(self) -> dict[str, Any]:
        return self._documents.fetch(self._path, self._shown, self.fingerprint)[1]


class LazyDocument(Mapping[str, Any]):
    """A document that is read on first use."""

    __slots__ = ("_stored",)

    def __init__(self, stored: Stored) -> None:
        self._stored = stored

    def __getitem__(self, name: str) -> Any:
        return self._stored.document()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored.document())

    def __len__(self) -> int:
        return len(self._stored.document())


class LazyFields(Mapping[str, Any]):
    """Normalised fields: the small ones at hand, the `LARGE` ones read on first use."""

    __slots__ = ("_names", "_small", "_stored")

    def __init__(self, stored: Stored, fields: Mapping[str, Any], names: tuple[str, ...]) -> None:
        self._stored = stored
        self._small = {name: item for name, item in fields.items() if name not in LARGE}
        self._names = names

    def __getitem__(self, name: str) -> Any:
        if name in LARGE:
            if name not in self._names:
                raise KeyError(name)
            return self._stored.fields()[name]
        return self._small[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

"""The exported definitions that manifests name, each read and normalised once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, Final

from retrainctl.diagnostics import Span
from retrainctl.errors import InvalidInput
from retrainctl.fastclass import dataclass
from retrainctl.manifest.source import Sources
from retrainctl.model.values import Fields, SecretRef

_REFERENCES: Final = (["env"], ["file"], ["keyVault", "secret"])


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition file. document: as read. fields: normalised, comparable. Both shared, never changed."""

    file: str
    document: Mapping[str, Any]
    fields: Fields


@dataclass(slots=True)
class Definitions:
    """Definitions by the name that a file gives them."""

    sources: Sources
    _named: dict[tuple[str, str], Definition | None] = field(default_factory=dict)
    _read: dict[str, Definition | None] = field(default_factory=dict)

    def load(self, name: str, base: str, at: Callable[[], Span]) -> Definition | None:
        """The definition called `name` in the file `base`; None, reported once, when it cannot be used."""
        key = (name, base.rpartition("/")[0])
        if key not in self._named:
            path = self.sources.inside(name, base, at())
            self._named[key] = None if path is None else self._definition(path, at())
        return self._named[key]

    def _definition(self, path: str, span: Span) -> Definition | None:
        if path not in self._read:
            self._read[path] = self._load(path, span)
        return self._read[path]

    def _load(self, path: str, span: Span) -> Definition | None:
        from retrainctl.definition import document, normalise, parsing

        data = self.sources.read(path, span, parsing.LIMIT)
        if data is None:
            return None
        try:
            read = document.read(data, file=path)
        except InvalidInput as error:
            self.sources.found.extend(error.diagnostics)
            return None
        self.sources.warn_of_secrets(data, path)
        fields, _ = normalise.normalise(read)
        return Definition(path, read, with_references(fields))


def with_references(fields: Mapping[str, Any]) -> Fields:
    """Parameters may refer to secrets (`"value": {"env": NAME}`) where the export had them encrypted."""
    changed = dict(fields)
    if isinstance(parameters := fields.get("parameters"), Mapping):
        changed["parameters"] = _resolved(parameters)
    package = fields.get("package")
    if isinstance(package, Mapping) and isinstance(nodes := package.get("nodes"), Mapping):
        changed["package"] = {**package, "nodes": {name: _node(node) for name, node in nodes.items()}}
    return changed


def _node(node: Any) -> Any:
    if isinstance(node, Mapping) and isinstance(parameters := node.get("parameters"), Mapping):
        return {**node, "parameters": _resolved(parameters)}
    return node


def _resolved(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: _reference(parameter) for name, parameter in parameters.items()}


def _reference(parameter: Any) -> Any:
    value = parameter.get("value") if isinstance(parameter, Mapping) else None
    if isinstance(value, Mapping) and sorted(value) in _REFERENCES:
        return {**parameter, "value": SecretRef.from_json(value)}
    return parameter

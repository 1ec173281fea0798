"""Finds and compiles the JSON Schemas; the only door to `jsonschema` and `jsonschema-rs`.

The schemas lie in `_schemas/` inside an installed package, else in `schemas/` of the checkout. Checking uses
`jsonschema-rs` (a fiftieth of the time, `reference/components.md` section 3); `jsonschema` is imported only to
explain what is wrong. Schemas name each other by relative `$ref`, so editors find them beside each other.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from retrainctl.fastclass import dataclass

if TYPE_CHECKING:
    import jsonschema

_SUFFIX: Final = ".schema.json"
_SHARED: Final = "defs"
_OPEN_TO_EXPRESSIONS: Final = ("expression", "template")


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One way in which an instance breaks its schema.

    path: member names and list positions from the instance's root.
    keyword: the failing schema keyword (`required`, `anyOf` ...); empty where the schema allows nothing at all.
    expected: that keyword's value. schema: the subschema that it stands in. value: the offending value.
    branches: for `anyOf` and `oneOf` the violations of each alternative, in the schema's order.
    """

    path: tuple[str | int, ...]
    keyword: str
    expected: Any
    value: Any
    schema: Mapping[str, Any] = field(default_factory=dict)
    branches: tuple[tuple[Violation, ...], ...] = ()


class Checker:
    """A compiled schema. `is_valid` is quick; `violations` says what is wrong, at leisure."""

    __slots__ = ("_explainer", "_name", "is_valid")

    def __init__(self, name: str) -> None:
        import jsonschema_rs

        self._name = name
        root, library = _root(name)
        registry = jsonschema_rs.Registry([(known["$id"], known) for known in library.values()])
        # Whether an instance (plain JSON values) satisfies the schema; asked of every manifest, hence without a detour.
        self.is_valid: Callable[[Any], bool] = jsonschema_rs.Draft202012Validator(root, registry=registry).is_valid
        self._explainer: jsonschema.protocols.Validator | None = None

    def violations(self, instance: Any) -> Iterator[Violation]:
        """Everything that is wrong, in the order of the schema's keywords."""
        if self._explainer is None:
            self._explainer = _explainer(self._name)
        for error in self._explainer.iter_errors(instance):
            yield _violation(error)


@lru_cache(maxsize=64)
def checker(name: str) -> Checker:
    """The compiled schema `NAME.schema.json`, or one definition of it (`NAME#DEFINITION`), built once.

    The published schemas also take expressions (`{{ ... }}`) where a number or a constrained text is meant, for the
    sake of editors; here only finished values are valid. Raises `FileNotFoundError` when there is no such schema.
    """
    return Checker(name)


@lru_cache(maxsize=64)
def document(name: str) -> dict[str, Any]:
    """A schema as published. Shared: do not change it."""
    loaded: dict[str, Any] = json.loads((folder() / f"{name}{_SUFFIX}").read_bytes())
    return loaded


def names() -> tuple[str, ...]:
    """Every schema there is, without the part after the name."""
    return tuple(sorted(path.name.removesuffix(_SUFFIX) for path in folder().glob(f"*{_SUFFIX}")))


@lru_cache(maxsize=1)
def folder() -> Path:
    """Where the schemas are: inside the installed package, else in the checkout."""
    package = Path(__file__).resolve().parent
    inside = package / "_schemas"
    return inside if inside.is_dir() else package.parent / "schemas"


def _root(name: str) -> tuple[dict[str, Any], Mapping[str, dict[str, Any]]]:
    """The schema that a checker begins with, and all that it needs."""
    file, _, part = name.partition("#")
    library = _library(file)
    if not part:
        return library[file], library
    return {"$schema": library[file]["$schema"], "$ref": f"{library[file]['$id']}#/$defs/{part}"}, library


@lru_cache(maxsize=64)
def _library(name: str) -> Mapping[str, dict[str, Any]]:
    """A schema and all that it refers to, by name; the shared definitions of expressions allow nothing in it."""
    library: dict[str, dict[str, Any]] = {}
    wanted = [name]
    while wanted:
        current = wanted.pop()
        if current not in library:
            library[current] = document(current)
            wanted.extend(_references(library[current]))
    if _SHARED in library:
        shared = dict(library[_SHARED])
        shared["$defs"] = {**shared["$defs"], **dict.fromkeys(_OPEN_TO_EXPRESSIONS, False)}
        library[_SHARED] = shared
    return library


def _references(node: Any) -> Iterator[str]:
    """The names of the other schemas that a schema refers to."""
    if isinstance(node, Mapping):
        reference = node.get("$ref")
        if isinstance(reference, str) and (file := reference.partition("#")[0]):
            yield file.removesuffix(_SUFFIX)
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _explainer(name: str) -> jsonschema.protocols.Validator:
    from jsonschema import Draft202012Validator
    from referencing import Registry
    from referencing.jsonschema import DRAFT202012

    root, library = _root(name)
    registry: Registry[Any] = Registry().with_resources(
        [(known["$id"], DRAFT202012.create_resource(known)) for known in library.values()]
    )
    return Draft202012Validator(root, registry=registry)


def _violation(error: jsonschema.exceptions.ValidationError) -> Violation:
    branches: dict[int, list[Violation]] = {}
    for inner in error.context or ():
        branches.setdefault(int(inner.relative_schema_path[0]), []).append(_violation(inner))
    schema = error.schema if isinstance(error.schema, Mapping) else {}
    return Violation(
        path=tuple(error.absolute_path),
        keyword=str(error.validator or ""),
        expected=error.validator_value,
        value=error.instance,
        schema=schema,
        branches=tuple(tuple(branches[index]) for index in sorted(branches)),
    )

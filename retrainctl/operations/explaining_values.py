"""Manifests with every value filled in, and where a value comes from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from retrainctl.diagnostics import Span
from retrainctl.errors import UsageError
from retrainctl.fastclass import dataclass
from retrainctl.manifest.load import Loaded
from retrainctl.manifest.pins import instance_of, variable_places, written
from retrainctl.manifest.variables import PREFIX
from retrainctl.manifest.write import manifest
from retrainctl.model.address import Address
from retrainctl.model.versions import ModelLine, ModelVersion
from retrainctl.plan.guard import matching

_NAMES: Final = re.compile(r"\b(vars|item)\.([A-Za-z_][A-Za-z0-9_]*)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a value comes from. what: the name of the place in words; value: what it gives; used: whether it counts."""

    what: str
    value: Any
    place: Span | None = None
    used: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value of a manifest or one variable: `key`, its value, as it is written, and what it is made of."""

    key: str
    value: Any
    written: Any = None
    place: Span | None = None
    origins: tuple[Origin, ...] = ()


def rendered(loaded: Loaded, only: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Every manifest of the environment as plain data, models first, each without expressions."""
    documents = [
        manifest("Model", name, {"versions": [_version(version) for version in line.versions]})
        for name, line in sorted(loaded.models.items())
        if _takes(Address("Model", name), only)
    ]
    for one in sorted(loaded.desired, key=lambda one: one.address):
        instance = instance_of(one)
        if instance is not None and _takes(one.address, only):
            documents.append({name: value for name, value in instance.data.items() if name != "forEach"})
    for raws in loaded.documents.values():
        documents += [
            {**manifest(raw.kind, raw.name, raw.spec)} for raw in raws if _takes(Address(raw.kind, raw.name), only)
        ]
    return documents


def _takes(address: Address, only: Sequence[str]) -> bool:
    return not only or matching(address, tuple(only)) is not None


def _version(version: ModelVersion) -> dict[str, Any]:
    known = {
        "version": version.version,
        "uri": version.uri,
        "file": version.file,
        "registered": version.registered,
        "sha256": version.sha256,
        "etag": version.etag,
        "trainedAt": version.trained_at,
        "run": version.run,
        "metrics": dict(version.metrics) or None,
    }
    return {name: value for name, value in known.items() if value is not None}


def explain(loaded: Loaded, key: str, environ: Mapping[str, str], overrides: Mapping[str, str]) -> list[Value]:
    """Where values come from.

    Args:
        key: `vars.NAME`; `KIND/NAME`, for all values of a resource; or `KIND/NAME#PATH`, for those at or below a path.

    Raises `UsageError` for a key that names nothing; the message says what there is.
    """
    if key == "vars" or key.startswith("vars."):
        return _variables(loaded, key.partition(".")[2], environ, overrides)
    name, _, path = key.partition("#")
    for one in loaded.desired:
        if str(one.address) == name:
            instance = instance_of(one)
            assert instance is not None
            values = list(_leaves(instance.data, (), instance, loaded))
            chosen = [value for value in values if not path or value.key == path or value.key.startswith(f"{path}.")]
            if not chosen:
                known = ", ".join(value.key for value in values[:20])
                raise UsageError(f"{name} has no value {path}", hint=f"There is: {known}.")
            return chosen
    line = loaded.models.get(name.removeprefix("Model/"))
    if name.startswith("Model/") and line is not None:
        return _model(line, path)
    from difflib import get_close_matches

    near = get_close_matches(name, [str(one.address) for one in loaded.desired], n=1)
    hint = f"Did you mean {near[0]}?" if near else "Use vars.NAME, KIND/NAME or KIND/NAME#PATH."
    raise UsageError(f"there is no value {key}", hint=hint)


def _model(line: ModelLine, path: str) -> list[Value]:
    values = [
        Value(key=f"versions.{version.version}", value=version.uri or version.file, place=version.origin)
        for version in line.versions
    ]
    return [value for value in values if not path or value.key == path] or values


def _variables(loaded: Loaded, name: str, environ: Mapping[str, str], overrides: Mapping[str, str]) -> list[Value]:
    known = loaded.environment.vars
    if name and name not in known:
        raise UsageError(f"there is no variable {name}", hint=f"Declared: {', '.join(sorted(known)) or 'none'}.")
    return [
        Value(key=f"vars.{one}", value=known[one], origins=_chain(loaded, one, environ, overrides))
        for one in ([name] if name else sorted(known))
    ]


def _chain(loaded: Loaded, name: str, environ: Mapping[str, str], overrides: Mapping[str, str]) -> tuple[Origin, ...]:
    """All places that set a variable, the weakest first; the last one counts."""
    words = {"project": "spec.vars", "environment": f"environment {loaded.environment.name}"}
    found = [
        Origin(what=words[one.level], value=one.value, place=one.place)
        for one in variable_places(loaded.project, loaded.environment, name)
    ]
    if PREFIX + name in environ:
        found.append(Origin(what=PREFIX + name, value=environ[PREFIX + name]))
    if name in overrides:
        found.append(Origin(what=f"--var {name}", value=overrides[name]))
    return tuple(Origin(what=one.what, value=one.value, place=one.place, used=one is found[-1]) for one in found)


def _leaves(node: Any, path: tuple[str | int, ...], instance: Any, loaded: Loaded) -> Iterator[Value]:
    if isinstance(node, Mapping) and node:
        for name, child in node.items():
            if path or name in ("metadata", "spec"):
                yield from _leaves(child, (*path, name), instance, loaded)
    elif isinstance(node, list) and node:
        for position, child in enumerate(node):
            yield from _leaves(child, (*path, position), instance, loaded)
    else:
        text = written(instance, path)
        place = instance.document.span_at(instance.find(path)[1])
        made = tuple(_parts(text, instance, loaded)) if isinstance(text, str) and "{{" in text else ()
        yield Value(key=".".join(map(str, path)), value=node, written=text if made else None, place=place, origins=made)


def _parts(text: str, instance: Any, loaded: Loaded) -> Iterator[Origin]:
    """The variables and the cells that an expression uses."""
    for holder, name in dict.fromkeys(_NAMES.findall(text)):
        if holder == "vars" and name in loaded.environment.vars:
            places = variable_places(loaded.project, loaded.environment, name)
            value = loaded.environment.vars[name]
            place = places[-1].place if places and places[-1].value == value else None
            yield Origin(what=f"vars.{name}", value=value, place=place)
        elif holder == "item" and instance.item is not None:
            item = instance.item
            value = item.value.get(name) if isinstance(item.value, Mapping) else None
            yield Origin(what=f"item.{name}", value=value, place=item.place(name))

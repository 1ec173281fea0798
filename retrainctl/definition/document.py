"""Lenient reading of a web service definition, as tolerant as the cmdlets' import and a little more.

Every form in circulation is understood: files of Export-AzMlWebService of either api-version, hand-edited ones with
PascalCase members, answers of GET, stubs of failed creations without `packageType`, services without `tags`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from retrainctl.definition.parsing import LIMIT, invalid, parse, text_of
from retrainctl.definition.position import locate
from retrainctl.definition.shape import COMMITMENT_PLAN, PROPERTIES, WEB_SERVICE, Record
from retrainctl.definition.tidy import Problem, tidy
from retrainctl.diagnostics import Diagnostic, Span
from retrainctl.errors import InvalidInput
from retrainctl.model.values import Path

_EXPORT_ONE: Final = "export one service with `retrainctl export` or Export-AzMlWebService"


def read(data: bytes | str, *, file: str = "definition", limit: int = LIMIT) -> dict[str, Any]:
    """Reads a web service definition.

    Args:
        data: the file's bytes, or text.
        file: the name to show in findings.
        limit: the largest size that is read, in bytes.

    Returns:
        The document with fixed members in Azure's spelling and of the right type. Everything else is as it was:
        unknown members, map keys, member order, either form of parameters.

    Raises:
        InvalidInput: with every finding and its place.
    """
    return _service(parse(data, file=file, limit=limit), data, file)


def read_plan(data: bytes | str, *, file: str = "commitment plan", limit: int = LIMIT) -> dict[str, Any]:
    """Reads a commitment plan as GET shows it; raises `InvalidInput` like `read`."""
    return _plan(parse(data, file=file, limit=limit), data, file)


def read_either(data: bytes | str, *, file: str = "definition", limit: int = LIMIT) -> tuple[bool, dict[str, Any]]:
    """Reads a web service definition or a commitment plan: whether it is a plan, and the document."""
    value = parse(data, file=file, limit=limit)
    return (True, _plan(value, data, file)) if is_plan(value) else (False, _service(value, data, file))


def _service(value: Any, data: bytes | str, file: str) -> dict[str, Any]:
    if (other := _not_a_service(value)) is not None:
        raise invalid("RC205", f"not a web service definition: {other}", span=Span(file, 1, 1), hint=_EXPORT_ONE)
    document, problems = tidy(value)
    problems += _discriminator(document)
    if problems:
        raise _found(problems, data, file)
    return document  # type: ignore[no-any-return]


def _plan(value: Any, data: bytes | str, file: str) -> dict[str, Any]:
    if not is_plan(value):
        hint = "name a file with one commitment plan, as GET shows it"
        raise invalid("RC209", "not a commitment plan: it has no `sku`", span=Span(file, 1, 1), hint=hint)
    document, problems = tidy(value, COMMITMENT_PLAN)
    if problems:
        raise _found(problems, data, file)
    return document  # type: ignore[no-any-return]


def proper(document: Any, shape: Record = WEB_SERVICE) -> dict[str, Any]:
    """A document that came parsed (an answer of the service) in proper form. What cannot be mended stays as it is:
    what a server shows is never refused."""
    return tidy(document, shape)[0]  # type: ignore[no-any-return]


def is_plan(value: Any) -> bool:
    """Whether a JSON value is a commitment plan rather than anything else."""
    if not isinstance(value, dict) or _kind_is(value, "webservices"):
        return False
    return any(name.lower() == "sku" for name in value)


def properties_of(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The member `properties`; empty where there is none."""
    properties = document.get("properties")
    return properties if isinstance(properties, dict) else {}


def name_of(document: Mapping[str, Any]) -> str | None:
    """The service's name as the document says it: its member `name`, else the end of its `id`."""
    name = document.get("name")
    if isinstance(name, str) and name:
        return name
    identity = document.get("id")
    if isinstance(identity, str) and "/" in identity:
        return identity.rstrip("/").rsplit("/", 1)[1] or None
    return None


def _kind_is(value: dict[str, Any], kind: str) -> bool:
    found = next((item for name, item in value.items() if name.lower() == "type"), None)
    return isinstance(found, str) and found.lower().endswith("/" + kind)


def _not_a_service(value: Any) -> str | None:
    """What the JSON is instead, in words; None when it is a web service."""
    if isinstance(value, list):
        return "it is a list; name a file with one service"
    if not isinstance(value, dict):
        return "it is a single value"
    names = {name.lower(): item for name, item in value.items()}
    properties = names.get("properties")
    if isinstance(properties, dict):
        kind = names.get("type")
        if isinstance(kind, str) and "/" in kind and not _kind_is(value, "webservices"):
            return f"it is a resource of type {kind}"
        if "sku" in names:
            return "it is a commitment plan"
        known = PROPERTIES.spelled
        if any(
            name in PROPERTIES.members or (low := name.lower()) in known or low == "packagetype" for name in properties
        ):
            return None
        return "its `properties` hold nothing of a web service"
    for sign, what in _SIGNS:
        if sign <= names.keys():
            return what
    return "it has no `properties`"


_SIGNS: Final = (
    ({"apiversion", "kind"}, "it is a manifest"),
    ({"entries", "names"}, "it is a recording of HTTP traffic"),
    ({"value"}, "it is the answer of a list call; list items are sparse, so get each service by name"),
    ({"$schema", "resources"}, "it is an ARM template"),
    ({"parameters", "responses"}, "it is an example of an API description"),
    ({"packagetype"}, "it holds the properties only; put them under `properties`"),
)


def _discriminator(document: dict[str, Any]) -> tuple[Problem, ...]:
    properties = document.get("properties")
    if not isinstance(properties, dict):
        return ()
    for name, value in properties.items():
        if name.lower() != "packagetype":
            continue
        if name != "packageType":
            said = f"`{name}` must be spelled `packageType`: the cmdlets know it only so and drop the package"
        elif value is not None and value != "Graph":
            said = f"`packageType` is {value!r}, but `Graph` is the only type that exists"
        else:
            continue
        path: Path = ("properties", name)
        return (Problem(code="RC207", path=path, message=said, hint='write `"packageType": "Graph"`'),)
    return ()


def _found(problems: tuple[Problem, ...], data: bytes | str, file: str) -> InvalidInput:
    text = text_of(data, file)
    return InvalidInput(
        [Diagnostic(code=p.code, message=p.message, span=locate(text, p.path, file), hint=p.hint) for p in problems],
        problems[0].message if len(problems) == 1 else f"{len(problems)} members of the definition are not valid",
    )

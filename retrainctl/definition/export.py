"""The exact export: definition JSON byte for byte as the cmdlets write it (arm-webservices.md section 13.3).

Newtonsoft.Json, indented by two blanks: members in the order of the cmdlets' classes, nulls and read-only members left
out, no mark at the start, no line break at the end. Beyond the cmdlets: unknown members are kept, behind the known
ones, and secrets are left out unless asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from retrainctl.definition.document import properties_of
from retrainctl.definition.moment import utc
from retrainctl.definition.parameters import PREVIEW, STABLE, masked, written
from retrainctl.definition.rules import READ_ONLY_ENVELOPE, READ_ONLY_PROPERTIES
from retrainctl.definition.shape import PARAMETER, WEB_SERVICE, Leaf, ListOf, MapOf, Record, Type
from retrainctl.model.redaction import without_query

# Newtonsoft escapes these three beside the control characters; in UTF-8 they occur inside texts only.
_ESCAPED: Final = ((b"\xc2\x85", b"\\u0085"), (b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"))


def export(
    document: Mapping[str, Any], *, api_version: str = STABLE, newline: str = "\n", secrets: bool = False
) -> bytes:
    """The definition as a file.

    Args:
        document: in proper form, from a file or from GET, of either api-version.
        api_version: whose form to write: `2016-05-01-preview` has the member `name` and parameters as texts.
        newline: `"\\r\\n"` gives what the cmdlets write on Windows.
        secrets: whether to write keys, credentials and SAS queries, as the cmdlets do. GET does not show keys.
    """
    tree = _members(exported(document, api_version=api_version, secrets=secrets), WEB_SERVICE)
    data = orjson.dumps(tree, option=orjson.OPT_INDENT_2)
    for raw, escaped in _ESCAPED:
        if raw in data:
            data = data.replace(raw, escaped)
    return data if newline == "\n" else data.replace(b"\n", newline.encode())


def exported(document: Mapping[str, Any], *, api_version: str = STABLE, secrets: bool = False) -> dict[str, Any]:
    """What an export holds, as a document: without read-only members and, unless asked for, without secrets."""
    keep_name = api_version == PREVIEW
    envelope = {n: v for n, v in document.items() if n not in READ_ONLY_ENVELOPE or (n == "name" and keep_name)}
    properties = {n: v for n, v in properties_of(document).items() if n not in READ_ONLY_PROPERTIES}
    if api_version == PREVIEW and not properties.get("payloadsInBlobStorage"):
        properties.pop("payloadsInBlobStorage", None)
    envelope["properties"] = in_form(properties if secrets else _without_secrets(properties), api_version)
    return envelope


def read_only(document: Mapping[str, Any]) -> dict[str, Any]:
    """What an export leaves out: identity and server values. The side file of a backup."""
    out: dict[str, Any] = {name: document[name] for name in READ_ONLY_ENVELOPE if name in document}
    properties = properties_of(document)
    out["properties"] = {name: properties[name] for name in READ_ONLY_PROPERTIES if name in properties}
    return out


def in_form(properties: Mapping[str, Any], api_version: str) -> dict[str, Any]:
    """The properties with every parameter in the form of an api-version, for a file or a request body."""
    return {**properties, **_with_parameters(properties, lambda item: written(item, api_version))}


def without_secrets(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document without keys, credentials and SAS queries; everything else is shared."""
    return {**document, "properties": _without_secrets(properties_of(document))}


def _with_parameters(properties: Mapping[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    """The members `parameters` and `package` with every parameter changed; empty where there are none."""
    out: dict[str, Any] = {}
    if isinstance(parameters := properties.get("parameters"), dict):
        out["parameters"] = {name: change(item) for name, item in parameters.items()}
    package = properties.get("package")
    nodes = package.get("nodes") if isinstance(package, dict) else None
    if isinstance(package, dict) and isinstance(nodes, dict):
        out["package"] = {**package, "nodes": {name: _node(node, change) for name, node in nodes.items()}}
    return out


def _node(node: Any, change: Callable[[Any], Any]) -> Any:
    parameters = node.get("parameters") if isinstance(node, dict) else None
    if not isinstance(parameters, dict):
        return node
    return {**node, "parameters": {name: change(item) for name, item in parameters.items()}}


def _unsigned(parameter: Any) -> Any:
    """A parameter whose value has lost signatures and passwords; itself where there are none."""
    if not isinstance(parameter, dict):
        return masked(parameter)
    value = parameter.get("value")
    return parameter if (shown := masked(value)) is value else {**parameter, "value": shown}


def _without_secrets(properties: Mapping[str, Any]) -> dict[str, Any]:
    out = {name: item for name, item in properties.items() if name != "keys"}
    if isinstance(account := out.get("storageAccount"), dict) and "key" in account:
        out["storageAccount"] = {name: item for name, item in account.items() if name != "key"}
    out.update(_with_parameters(out, _unsigned))
    example = out.get("exampleRequest")
    values = example.get("globalParameters") if isinstance(example, dict) else None
    if isinstance(example, dict) and isinstance(values, dict):
        out["exampleRequest"] = {**example, "globalParameters": {n: masked(item) for n, item in values.items()}}
    if isinstance(assets := out.get("assets"), dict):
        out["assets"] = {name: _located(item, "locationInfo") for name, item in assets.items()}
    return _located(out, "payloadsLocation")  # type: ignore[no-any-return]


def _located(holder: Any, member: str) -> Any:
    """An object whose location has lost its credentials and its SAS; itself where there is nothing to lose."""
    location = holder.get(member) if isinstance(holder, dict) else None
    if not isinstance(location, dict):
        return holder
    uri, bare = location.get("uri"), None
    if isinstance(uri, str) and (cut := without_query(uri)) != uri:
        bare = cut
    if bare is None and not location.get("credentials"):
        return holder
    clean = {n: v for n, v in location.items() if n != "credentials" or not v}
    return {**holder, member: clean if bare is None else {**clean, "uri": bare}}


def _members(value: Any, shape: Record) -> Any:
    """Known members in the order of the cmdlets' classes without nulls, then the unknown ones as they came."""
    if not isinstance(value, Mapping):
        return _plain(value)
    known = shape.members
    out = {n: _value(item, kind) for n, kind in known.items() if (item := value.get(n)) is not None}
    out.update((name, _plain(item)) for name, item in value.items() if name not in known)
    return out


def _value(item: Any, kind: Type) -> Any:
    match kind:
        case Leaf.TEXT | Leaf.FLAG | Leaf.COUNT:
            return item
        case Record():
            return _members(item, kind)
        case MapOf(of) if isinstance(item, Mapping):
            return {name: _value(entry, of) for name, entry in item.items()}
        case ListOf(of) if isinstance(item, list):
            return [_value(entry, of) for entry in item]
        case Leaf.MOMENT:
            return utc(item) if isinstance(item, str) else item
        case Leaf.PARAMETER:
            return _members(item, PARAMETER)
        case _:
            return _plain(item)


def _plain(item: Any) -> Any:
    """Data of any shape, its numbers as .NET writes them."""
    if item.__class__ is float:
        return orjson.Fragment(number(item))
    if item.__class__ is int and not -(2**63) <= item < 2**64:
        return orjson.Fragment(str(item))
    if isinstance(item, list):
        return [_plain(entry) for entry in item]
    if isinstance(item, Mapping):
        return {name: _plain(entry) for name, entry in item.items()}
    return item


def number(value: float) -> str:
    """A floating-point number as Newtonsoft writes it: .NET's round-trip format (15 digits where they are enough,
    else 17), with a decimal place where it has neither point nor exponent."""
    text = format(value, ".15g")
    if float(text) != value:
        text = format(value, ".17g")
    text = text.replace("e", "E")
    return text if "." in text or "E" in text else text + ".0"

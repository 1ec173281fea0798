"""Schema violations in our words: which field, what is allowed there, what to do."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from retrainctl.fastclass import dataclass
from retrainctl.manifest.document import TWICE, Step
from retrainctl.manifest.source import REFER_INSTEAD, in_clear, secrets_in
from retrainctl.manifest.suggest import closest, hint
from retrainctl.model.redaction import without_query
from retrainctl.patterns import late
from retrainctl.schemas import Violation

_KINDS: Final[Mapping[str, str]] = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "null",
}
_SHOWN: Final = 40

_IDENTIFIER = late(r"[A-Za-z_][A-Za-z0-9_-]*")
_CREDENTIALS = late(r"://[^/@\s]*@")
_NUMBER = late(r"[-+]?[0-9]+(?:\.[0-9]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is wrong at a place of a document. at_key: the member's name is to blame, not its value."""

    code: str
    path: tuple[Step, ...]
    message: str
    hint: str = ""
    at_key: bool = False


def findings(violations: Iterable[Violation]) -> Iterator[Finding]:
    """The findings of a document; what follows from a duplicate key or a literal secret is left out."""
    said: set[tuple[tuple[Step, ...], str]] = set()
    for violation in violations:
        for finding in _one(violation):
            key = (finding.path, finding.message)
            if key not in said and not any(isinstance(step, str) and TWICE in step for step in finding.path):
                said.add(key)
                yield finding


def field(path: Iterable[Step]) -> str:
    """A path as people write it: `spec.models["Census [trained model]"]`, `spec.versions[0].uri`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _IDENTIFIER.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{json.dumps(step, ensure_ascii=False)}]"
    return text or "the document"


def shown(value: Any) -> str:
    """A value in a message: what kind it is and, cut short and without credentials, what it says."""
    match value:
        case None:
            return "empty (null)"
        case bool():
            return "true" if value else "false"
        case str():
            text = _CREDENTIALS.sub("://...@", without_query(value) if "://" in value else value)
            return f'the text "{text[:_SHOWN]}{"..." if len(text) > _SHOWN else ""}"'
        case int() | float():
            return f"the number {value}"
        case Mapping():
            return "a mapping"
        case _:
            return "a list"


def _one(violation: Violation) -> Iterator[Finding]:
    path, schema = violation.path, violation.schema
    if isinstance(violation.value, str) and (secrets := secrets_in(violation.value)):
        yield Finding(code="RC120", path=path, message=in_clear(secrets[0][0]), hint=REFER_INSTEAD)
        return
    match violation.keyword:
        case "anyOf" | "oneOf":
            yield from _alternatives(violation)
        case "additionalProperties":
            yield from _unknown_fields(violation)
        case "required":
            yield from _missing_fields(violation)
        case "type":
            yield _wrong_type(violation)
        case "enum" | "const":
            yield _not_allowed(violation)
        case "pattern" | "minLength" | "maxLength":
            yield _wrong_form(violation)
        case "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum":
            yield Finding(
                code="RC118",
                path=path,
                message=f"{field(path)} must be {_bounds(schema)}, not {violation.value}",
            )
        case "minItems" | "maxItems" | "minProperties":
            yield Finding(code="RC118", path=path, message=f"{field(path)} must have {_count(schema)}")
        case "uniqueItems":
            yield Finding(code="RC118", path=path, message=f"{field(path)} names something twice", hint="Keep one.")
        case _:
            yield Finding(code="RC116", path=path, message=f"{field(path)} cannot be {shown(violation.value)}")


def _alternatives(violation: Violation) -> Iterator[Finding]:
    """The branch that was meant, explained; all of them named where that is not clear."""
    path, message = violation.path, violation.schema.get("errorMessage")
    if message:
        code = "RC115" if not isinstance(violation.value, Mapping) else "RC114"
        yield Finding(code=code, path=path, message=f"{field(path)} {message}", at_key=True)
        return
    open_to_all = [branch for branch in violation.branches if not any(part.keyword == "" for part in branch)]
    right_type = [
        branch for branch in open_to_all if not any(part.keyword == "type" and part.path == path for part in branch)
    ]
    chosen = open_to_all if len(open_to_all) == 1 else right_type
    if len(chosen) == 1:
        for part in chosen[0]:
            yield from _one(part)
        return
    kinds = [
        kind for branch in open_to_all for part in branch if part.keyword == "type" for kind in _kinds(part.expected)
    ]
    wanted = " or ".join(dict.fromkeys(kinds)) or "something else"
    yield Finding(
        code="RC115",
        path=path,
        message=f"{field(path)} must be {wanted}, not {shown(violation.value)}",
        hint=_type_hint(violation.value, kinds),
    )


def _kinds(expected: Any) -> list[str]:
    names = [expected] if isinstance(expected, str) else list(expected)
    return [_KINDS[name] for name in names]


def _unknown_fields(violation: Violation) -> Iterator[Finding]:
    known = sorted(violation.schema.get("properties", {}))
    for name in violation.value:
        if name in known or TWICE in name:
            continue
        yield Finding(
            code="RC113",
            path=(*violation.path, name),
            message=f'{field(violation.path)} has no field "{name[:_SHOWN]}"',
            hint=hint(name, known, "fields"),
            at_key=True,
        )


def _missing_fields(violation: Violation) -> Iterator[Finding]:
    """Fields that are needed; one that is there under a misspelled name is reported under that name only."""
    properties = violation.schema.get("properties", {})
    unknown = [name for name in violation.value if name not in properties]
    for name in violation.expected:
        if name in violation.value or (unknown and closest(name, unknown) is not None):
            continue
        about = "retrainctl/v1" if name == "apiVersion" else properties.get(name, {}).get("description", "")
        yield Finding(
            code="RC114",
            path=violation.path,
            message=f'{field(violation.path)} needs the field "{name}"',
            hint=f"Add {name}: {about}".strip(" :"),
            at_key=True,
        )


def _wrong_type(violation: Violation) -> Finding:
    kinds = _kinds(violation.expected)
    message = violation.schema.get("errorMessage")
    path = violation.path
    # A text in the place of a secret's reference is most likely the secret itself: its line must not be shown.
    bare = violation.schema.get("standsForSecret") and isinstance(violation.value, str)
    return Finding(
        code="RC120" if bare else "RC115",
        path=path,
        message=f"{field(path)} {message}"
        if message
        else f"{field(path)} must be {' or '.join(kinds)}, not {shown(violation.value)}",
        hint=_type_hint(violation.value, kinds),
    )


def _type_hint(value: Any, kinds: list[str]) -> str:
    """What to do about a value of the wrong type."""
    if value is None:
        return "Give it a value, {} for an empty mapping, or leave it out."
    if "text" in kinds and isinstance(value, bool | int | float):
        written = str(value).lower() if isinstance(value, bool) else str(value)
        return f'Put it in quotes: "{written}".'
    if isinstance(value, str) and _NUMBER.fullmatch(value) and {"a number", "a whole number"} & set(kinds):
        cast = "int" if "a number" not in kinds else "float"
        return f"Write it without quotes; a CSV value is text: {{{{ item.NAME|{cast} }}}}."
    if isinstance(value, str) and value.lower() in ("yes", "no", "on", "off") and "true or false" in kinds:
        return "Write true or false."
    return ""


def _not_allowed(violation: Violation) -> Finding:
    path = violation.path
    allowed = [violation.expected] if violation.keyword == "const" else list(violation.expected)
    names = [item if isinstance(item, str) else json.dumps(item) for item in allowed]
    near = closest(violation.value, names) if isinstance(violation.value, str) else None
    wanted = f'"{names[0]}"' if len(names) == 1 else "one of " + ", ".join(f'"{name}"' for name in names)
    return Finding(
        code="RC116",
        path=path,
        message=f"{field(path)} must be {wanted}, not {shown(violation.value)}",
        hint=f'Did you mean "{near}"?' if near else "",
    )


def _wrong_form(violation: Violation) -> Finding:
    path, schema = violation.path, violation.schema
    if violation.keyword == "minLength":
        message = "must not be empty"
    elif violation.keyword == "maxLength":
        message = f"must have at most {violation.expected} characters"
    else:
        message = schema.get("patternErrorMessage") or f"must match {violation.expected}"
    name = path
    at_key = message.startswith("is no name")
    if at_key:
        name = (*path, violation.value)
        return Finding(code="RC117", path=name, message=f'"{violation.value[:_SHOWN]}" {message}', at_key=True)
    return Finding(code="RC117", path=name, message=f"{field(path)} {message}; it is {shown(violation.value)}")


def _bounds(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if "exclusiveMinimum" in schema:
        return f"more than {schema['exclusiveMinimum']}" + (f" and at most {high}" if high is not None else "")
    if low is not None and high is not None:
        return f"from {low} to {high}"
    return f"at least {low}" if low is not None else f"at most {high}"


def _count(schema: Mapping[str, Any]) -> str:
    low = schema.get("minItems", schema.get("minProperties"))
    high = schema.get("maxItems")
    if low == high:
        return f"exactly {low} entries"
    return f"at least {low} entries" if low else f"at most {high} entries"

"""Parameters: two written forms, one comparable form, and nothing secret in it.

A parameter is a bare text in 2016-05-01-preview and an object in 2017-01-01. The cmdlets of 0.14 and later reject the
first, older ones the second (arm-webservices.md section 14, #4022); we read and write both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from retrainctl.model.redaction import HIDDEN, Redactor
from retrainctl.model.values import SecretRef

PREVIEW: Final = "2016-05-01-preview"
STABLE: Final = "2017-01-01"

ENCRYPTED: Final[Mapping[str, bool]] = {"$encrypted": True}
"""Stands for an encrypted parameter. Servers encrypt anew on every write, so only its presence can be compared."""

_MASK: Final = Redactor()


def written(parameter: Any, api_version: str) -> Any:
    """A parameter in the form of an api-version. What the 2016 form cannot hold, ciphertext with its certificate or
    unknown members, stays an object."""
    if api_version != PREVIEW:
        return parameter if isinstance(parameter, Mapping) else {"value": parameter, "certificateThumbprint": ""}
    if not isinstance(parameter, Mapping):
        return _text(parameter)
    if parameter.get("certificateThumbprint") or parameter.keys() - {"value", "certificateThumbprint"}:
        return parameter
    return _text(parameter.get("value"))


def lift(parameter: Any) -> Any:
    """A parameter in the comparable form: `{"value": ...}`, a signature or password in it masked; or `ENCRYPTED`."""
    if not isinstance(parameter, Mapping):
        return {} if parameter is None else {"value": masked(parameter)}
    if parameter.get("certificateThumbprint"):
        return ENCRYPTED
    value = parameter.get("value")
    shown = masked(value)
    if shown is value and "certificateThumbprint" not in parameter and None not in parameter.values():
        return parameter
    out = {n: item for n, item in parameter.items() if n != "certificateThumbprint" and item is not None}
    if shown is not value:
        out["value"] = shown
    return out


def masked(value: Any) -> Any:
    """A value as it may be shown: signatures, account keys and passwords in a text replaced by `HIDDEN`."""
    if not isinstance(value, str):
        return value
    shown = _MASK.clean(value)
    return value if shown == value else shown


def is_masked(value: Any) -> bool:
    """Whether a comparable value has lost a secret, so that it cannot be written back as it stands."""
    return isinstance(value, str) and HIDDEN in value


def _text(value: Any) -> Any:
    """A value as .NET turns it into text; what stands for a value (a reference, a mark) stays what it is."""
    if isinstance(value, SecretRef) or (isinstance(value, Mapping) and any(name.startswith("$") for name in value)):
        return value
    match value:
        case str():
            return value
        case None:
            return ""
        case bool():
            return "True" if value else "False"
        case int() | float():
            return repr(value)
        case _:
            return orjson.dumps(value).decode()

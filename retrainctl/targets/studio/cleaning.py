"""What the Studio API answers, without what opens something: nobody sees a document that did not pass here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from retrainctl.model.redaction import HIDDEN, Redactor
from retrainctl.model.values import JsonObject

_LEFT_OUT: Final = frozenset(
    {
        "accesscredential",
        "credentialcontainer",
        "registrationkey",
        "authorizationtoken",
        "userstoragekey",
        "sharedaccessuri",
    }
)
"""Members that are secrets as a whole (classic-api.md 6.1, 6.2)."""

_NAMED: Final = re.compile(
    r"passw(or)?d|\b(account|access|storage|secret) ?key\b|\bsas token\b|\bclient secret\b", re.IGNORECASE
)
"""Parameters of modules whose value is a secret by their name: Import Data has an account key and a password."""

_TEXTS: Final = Redactor()
"""Knows no secret by its value: it takes out what looks like one."""


def cleaned(document: JsonObject) -> JsonObject:
    """The document without its credentials, and with `(sensitive)` for each signature, key or password in it."""
    found: JsonObject = _cleaned(document)
    return found


def hides_something(text: str) -> bool:
    """Whether a text is one that `cleaned` has taken a secret out of."""
    return HIDDEN in text


def clean_text(text: str) -> str:
    """As `cleaned`, for one text."""
    return _TEXTS.clean(text)


def _cleaned(tree: Any) -> Any:
    if isinstance(tree, str):
        return _TEXTS.clean(tree)
    if isinstance(tree, Mapping):
        found = {name: _cleaned(item) for name, item in tree.items() if name.casefold() not in _LEFT_OUT}
        if found.get("Value") and _NAMED.search(str(found.get("Name") or "")):
            found["Value"] = HIDDEN
        return found
    return [_cleaned(item) for item in tree] if isinstance(tree, list | tuple) else tree

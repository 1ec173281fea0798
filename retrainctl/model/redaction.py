"""Keeping secrets out of every sink: by place (URI queries, credentials) and by value (everything ever resolved).

Plans, receipts and files never hold a secret; a short salted hash tells same from different.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import field
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote, quote_plus

from retrainctl.fastclass import dataclass
from retrainctl.model.values import Secret
from retrainctl.patterns import late

HIDDEN: Final = "(sensitive)"

_SIGNED = late(
    r"(?P<lead>(?:[?&;\s\"']|^|%3F|%26)sig=)[^&\s\"'<>]+"
    # A signed address as a value of another one's query, quoted as often as it takes.
    r"|(?P<quoted>%(?:25)*(?:3F|26)sig%(?:25)*3D)(?:(?!%(?:25)*26)[^&\s\"'<>])+"
    r"|(?P<key>(?:AccountKey|SharedAccessKey|SharedAccessSignature|Password|client_secret)=)[^;&\s\"'<>]+"
    r"|(?P<bearer>\bBearer\s+)[A-Za-z0-9._~+/=-]{8,}",
    re.IGNORECASE,
)
_SAS_MARK = late(r"[?&]sig=", re.IGNORECASE)
_MIN_VALUE = 6


def without_query(uri: str) -> str:
    """The URI as it may be shown, stored and compared: no query, no fragment."""
    if "?" not in uri and "#" not in uri:  # nearly always
        return uri
    return uri.split("?", 1)[0].split("#", 1)[0]


def is_signed(uri: str) -> bool:
    """Whether a URI carries a SAS signature."""
    return ("?" in uri or "&" in uri) and _SAS_MARK.search(uri) is not None


def short_hash(value: str, *, environment: str, address: str) -> str:
    """Twelve hexadecimal digits that tell same from different within one environment and address.

    A storage key's hash may stand in a public pull request: scrypt makes guessing dear. That part is done once
    per secret and environment; binding it to the address is cheap.
    """
    return hashlib.sha256(_stretched(value, environment) + address.encode()).hexdigest()[:12]


@lru_cache(maxsize=256)
def _stretched(value: str, environment: str) -> bytes:
    return hashlib.scrypt(value.encode(), salt=f"retrainctl:{environment}".encode(), n=2**13, r=8, p=1, dklen=16)


@dataclass(slots=True)
class Redactor:
    """The value filter of every sink. It learns each secret that is resolved and removes all of its spellings."""

    _spellings: set[str] = field(default_factory=set)
    _pattern: re.Pattern[str] | None = None

    def learn(self, secret: Secret) -> None:
        """Remembers a secret in clear, URL-encoded, JSON-escaped and base64 form. Very short values would hide text."""
        value = secret.reveal()
        if len(value) < _MIN_VALUE:
            return
        raw = value.encode()
        forms = {
            value,
            quote(value, safe=""),
            quote(value),
            quote_plus(value),
            json.dumps(value)[1:-1],
            base64.b64encode(raw).decode().rstrip("="),
            base64.urlsafe_b64encode(raw).decode().rstrip("="),
        }
        if not forms <= self._spellings:
            self._spellings |= forms
            longest_first = sorted(self._spellings, key=len, reverse=True)
            self._pattern = re.compile("|".join(re.escape(form) for form in longest_first))

    def clean(self, text: str) -> str:
        """The text without any secret that was learned and without anything that looks signed."""
        if self._pattern is not None:
            text = self._pattern.sub(HIDDEN, text)
        lowered = text.lower()
        if (
            "sig=" in lowered
            or "sig%" in lowered
            or "key=" in lowered
            or "bearer" in lowered
            or "signature=" in lowered
            or "secret=" in lowered
            or "password=" in lowered
        ):
            text = _SIGNED.sub(lambda m: (m["lead"] or m["quoted"] or m["key"] or m["bearer"]) + HIDDEN, text)
        return text

    def clean_tree(self, tree: Any) -> Any:
        """The same for every text in a JSON tree, member names included."""
        if isinstance(tree, str):
            return self.clean(tree)
        if isinstance(tree, Mapping):
            return {self.clean(key): self.clean_tree(value) for key, value in tree.items()}
        if isinstance(tree, list | tuple):
            return [self.clean_tree(item) for item in tree]
        return tree

"""What an error body says, whichever of Azure's envelopes it comes in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from retrainctl.fastclass import dataclass

_XML = re.compile(r"<(Code|Message)>(.*?)</\1>", re.DOTALL)
_LONGEST = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """code, message, target: of the outer error. details: (code, message) of every inner one, outer ones first."""

    code: str | None = None
    message: str | None = None
    target: str | None = None
    details: tuple[tuple[str | None, str | None], ...] = ()

    @property
    def codes(self) -> tuple[str, ...]:
        """Every code, the outer one first."""
        return tuple(code for code in (self.code, *(code for code, _ in self.details)) if code)

    @property
    def specific(self) -> str | None:
        """The most telling code: the first detail's, else the outer one (arm-webservices.md section 11)."""
        return next((code for code, _ in self.details if code), self.code)

    def sentence(self) -> str | None:
        """All messages once each, as one line."""
        texts = [self.message, *(message for _, message in self.details)]
        unique = dict.fromkeys(" ".join(text.split()) for text in texts if text and text.strip())
        said = " ".join(unique)
        if self.target:
            said = f"{said} (target: {self.target})".lstrip()
        return said[:_LONGEST] or None


def read_fault(body: bytes, headers: Mapping[str, str]) -> Fault:
    """Reads `{"error": {...}}`, a bare `{"code", "message"}`, Storage's XML, or nothing but the header's code."""
    text = body.decode("utf-8-sig", errors="replace")
    try:
        data = json.loads(text) if text.lstrip().startswith("{") else None
    except ValueError:
        data = None
    if isinstance(data, dict):
        return fault_of(data)
    found = {name.lower(): value for name, value in _XML.findall(text)} if text.lstrip().startswith("<?xml") else {}
    code = headers.get("x-ms-error-code") or found.get("code")
    return Fault(code=code, message=found.get("message"))


def fault_of(data: Mapping[str, Any]) -> Fault:
    """The fault in a JSON object: under `error` or `errorInfo` (a failed operation), else in the object itself."""
    members = {name.lower(): value for name, value in data.items()}
    inner = next((v for name in ("error", "errorinfo") if isinstance(v := members.get(name), dict)), None)
    if inner is not None:
        members = {name.lower(): value for name, value in inner.items()}
    return Fault(
        code=_text(members.get("code")) or _text(members.get("error")),
        message=_text(members.get("message")) or _text(members.get("error_description")),
        target=_text(members.get("target")),
        details=tuple(_details(members)),
    )


def _details(members: Mapping[str, Any]) -> Iterator[tuple[str | None, str | None]]:
    inner = members.get("details")
    for entry in inner if isinstance(inner, list) else []:
        if isinstance(entry, dict):
            lowered = {name.lower(): value for name, value in entry.items()}
            yield _text(lowered.get("code")), _text(lowered.get("message"))
            yield from _details(lowered)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None

"""Where a model is, in the three parts that the management API gives it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """As it was given: `base` with or without its last slash, `sas` with or without its question mark."""

    base: str
    relative: str
    sas: str = ""

    @classmethod
    def of_uri(cls, uri: str) -> Location:
        """The parts of an asset's URI."""
        parts = urlsplit(uri)
        if not parts.netloc:
            return cls(base="", relative=uri)
        sas = f"?{parts.query}" if parts.query else ""
        return cls(base=f"{parts.scheme}://{parts.netloc}/", relative=parts.path.lstrip("/"), sas=sas)

    @classmethod
    def of_json(cls, given: Mapping[str, Any]) -> Location:
        return cls(base=given["BaseLocation"], relative=given["RelativeLocation"], sas=given["SasBlobToken"])

    @property
    def uri(self) -> str:
        """Base and path joined by exactly one slash (4.8), without the token."""
        return f"{self.base.rstrip('/')}/{self.relative.lstrip('/')}" if self.base else self.relative

    def as_json(self) -> dict[str, str]:
        return {"BaseLocation": self.base, "RelativeLocation": self.relative, "SasBlobToken": self.sas}

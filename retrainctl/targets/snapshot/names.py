"""Names of resources as names of files and folders, the same on every system.

Encoding, for each name on its own (a resource group, a service):
- ASCII letters, digits, `-`, `_`, `.`, `(`, `)` stay; every other character is written as `%XX` per UTF-8 byte.
- A dot at the start or end, and the first letter of a name that Windows keeps for devices (`CON`, `com1.x`), too.
- A result of more than 180 characters is cut to 120 and gets `~` and 16 hexadecimal digits of the name's SHA-256.
  The full name then stands in the document only.
Reading takes plain names as well (`My service.json`): what is no `%XX` is taken as it is.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final
from urllib.parse import quote, unquote

_LONGEST: Final = 180
_KEPT: Final = 120
_DEVICE: Final = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)", re.IGNORECASE)
_SHORTENED: Final = re.compile(r"~[0-9a-f]{16}$")


def encode(name: str) -> str:
    """The file name, without extension, that stands for a resource name."""
    # quote() leaves `~` alone, which marks shortened names here.
    text = quote(name, safe="()", errors="surrogatepass").replace("~", "%7E")
    if _DEVICE.match(text):
        text = f"%{ord(text[0]):02X}{text[1:]}"
    if text.startswith("."):
        text = "%2E" + text[1:]
    if text.endswith("."):
        text = text[:-1] + "%2E"
    if len(text) <= _LONGEST:
        return text
    kept = re.sub(r"%[0-9A-F]?$", "", text[:_KEPT])
    return f"{kept}~{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def decode(stem: str) -> str | None:
    """The resource name behind a file name; None for a shortened one."""
    if _SHORTENED.search(stem):
        return None
    return unquote(stem, errors="surrogatepass") if "%" in stem else stem

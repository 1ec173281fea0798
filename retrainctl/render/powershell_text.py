"""Foreign text inside a PowerShell script: it can end no string, start no command and hide nothing.

The script is plain ASCII, so that it means the same to every version of PowerShell whatever a file's encoding is taken
for. Whatever is not printable ASCII stands as `[char]0x..` beside the strings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from retrainctl.render.escape import visible

# Runs that may stand in a single-quoted string, runs that may not; `##` starts a log command of Azure Pipelines.
_PARTS = re.compile(r"(?:[ -\"$-~]|#(?!#))+|#(?=#)|.", re.DOTALL)
_PLAIN = re.compile(r"[ -~]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def quoted(text: str) -> str:
    """A text as an expression that gives exactly this text; in parentheses where it needs more than one string."""
    parts = [_part(match[0]) for match in _PARTS.finditer(text)]
    if not parts:
        return "''"
    if len(parts) == 1 and parts[0].startswith("'"):
        return parts[0]
    # A leading string keeps [char] + [char] from being added up as numbers.
    lead = [] if parts[0].startswith("'") else ["''"]
    return f"({' + '.join([*lead, *parts])})"


def _part(run: str) -> str:
    if _PLAIN.fullmatch(run):
        return "'" + run.replace("'", "''") + "'"
    point = ord(run)
    if point > 0xFFFF:
        return f"[char]::ConvertFromUtf32(0x{point:X})"
    return f"[char]0x{point:04X}"


def comment(text: str) -> str:
    """A text for a comment line."""
    return visible(text).encode("ascii", "backslashreplace").decode()


def environment_variable(name: str) -> str:
    """The value of an environment variable, whatever its name is."""
    return f"$env:{name}" if _NAME.fullmatch(name) else f"[Environment]::GetEnvironmentVariable({quoted(name)})"


def value(tree: Any) -> str:
    """A JSON value as an expression."""
    match tree:
        case None:
            return "$null"
        case bool():
            return "$true" if tree else "$false"
        case int() | float():
            return json.dumps(tree)
        case str():
            return quoted(tree)
        case Mapping() | list():
            text = json.dumps(tree, ensure_ascii=True, separators=(",", ":"))
            return f"(ConvertFrom-Json {quoted(text)})"
        case _:
            raise TypeError(f"not a JSON value: {type(tree).__name__}")


def path(names: tuple[str, ...]) -> str:
    """Member names as an array."""
    return f"@({', '.join(map(quoted, names))})"

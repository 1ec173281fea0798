"""JSON trees to bytes."""

from __future__ import annotations

from json import dumps
from typing import Any

import orjson


def canonical(tree: Any) -> bytes:
    """Canonical JSON: members sorted, no blanks, UTF-8."""
    try:
        return orjson.dumps(tree, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # a whole number beyond 64 bits
        return dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def pretty(tree: Any, *, sort: bool = False) -> bytes:
    """JSON for people and for Git: indented by two blanks, a line break at the end."""
    option = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | (orjson.OPT_SORT_KEYS if sort else 0)
    try:
        return orjson.dumps(tree, option=option)
    except TypeError:  # a whole number beyond 64 bits
        return dumps(tree, sort_keys=sort, indent=2, ensure_ascii=False).encode("utf-8", "replace") + b"\n"

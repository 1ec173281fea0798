"""Differences inside long lists and nested values, in words, for people only.

DeepDiff costs 187 times a plain walk (components.md section 3): it never decides equality and is imported only when
somebody looks at such a value.
"""

from __future__ import annotations

from typing import Any

_LARGEST = 200_000


def describe(before: Any, after: Any, *, most: int = 20) -> list[str]:
    """Lines such as `[3].targetNodeId: "a" -> "b"`; an empty list when the values are equal or too large to compare."""
    if before == after or len(repr(before)) + len(repr(after)) > _LARGEST:
        return []
    from deepdiff import DeepDiff

    tree = DeepDiff(before, after, view="tree", verbose_level=2, threshold_to_diff_deeper=0)
    lines: list[str] = []
    for group, entries in sorted(tree.items()):
        for entry in entries:
            place = str(entry.path(root="")) or "."
            if group.endswith("_added"):
                lines.append(f"{place}: added {entry.t2!r}")
            elif group.endswith("_removed"):
                lines.append(f"{place}: removed {entry.t1!r}")
            else:
                lines.append(f"{place}: {entry.t1!r} -> {entry.t2!r}")
    if len(lines) > most:
        lines[most:] = [f"... and {len(lines) - most} more"]
    return lines

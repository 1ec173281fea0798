"""JSON values of fields as a person reads them: short, on one line, hidden where they must be."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from retrainctl.fastclass import dataclass
from retrainctl.patterns import late
from retrainctl.render.escape import visible

NOT_SET: Final = "(not set)"
HIDDEN: Final = "(sensitive)"
ABSENT: Final = object()
_LIMIT = 160
_LEAD = 40
_CAUSES: Final = {"drift": "drift", "both": "intent and drift"}
_KNOWLEDGE: Final = {"applied": "former value from the ledger", "unknown": "former value unknown"}
_PLAIN_NAME: Final = late(r"[\w$-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldView:
    """One changed field: its path and both values as text; `note` says what is special about the difference."""

    path: str
    before: str
    after: str
    note: str = ""


def path_text(path: str | Sequence[str | int]) -> str:
    """`tags.team`, `assets["Retrain Samp.le"].uri`."""
    if isinstance(path, str):
        return visible(path)
    text = ""
    for part in map(str, path):
        if _PLAIN_NAME.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{json.dumps(part, ensure_ascii=False)}]"
    return visible(text)


def pair(before: Any, after: Any, *, before_hidden: bool = False, after_hidden: bool = False) -> tuple[str, str]:
    """Both values as text; long ones show the place where they begin to differ."""
    old, new = _text(before, before_hidden), _text(after, after_hidden)
    if len(old) <= _LIMIT and len(new) <= _LIMIT:
        return old, new
    same = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    start = max(0, same - _LEAD)
    return _window(old, start), _window(new, start)


def changed_fields(change: Mapping[str, Any]) -> tuple[tuple[FieldView, ...], int]:
    """The fields of a `change` member whose values differ, by path, and how many more are there unchanged."""
    fields: list[FieldView] = []
    hidden = 0
    notes = _notes(change)
    for path, before, after, secrets in _leaves(
        _tree(change, "before"),
        _tree(change, "after"),
        change.get("after_unknown"),
        change.get("before_sensitive"),
        change.get("after_sensitive"),
        (),
    ):
        if before == after and (before is not ABSENT or not any(secrets)):
            hidden += 1
            continue
        old, new = pair(before, after, before_hidden=secrets[0], after_hidden=secrets[1])
        note = next((notes[path[:n]] for n in range(len(path), 0, -1) if path[:n] in notes), "") if notes else ""
        fields.append(FieldView(path=path_text(path), before=old, after=new, note=note))
    return tuple(fields), hidden


def _notes(change: Mapping[str, Any]) -> dict[tuple[str, ...], str]:
    """What is worth a word, by path: a difference that somebody else made, a former value that was not read."""
    notes = {}
    for entry in change.get("fields") or ():
        words = [_CAUSES.get(entry.get("cause"), ""), _KNOWLEDGE.get(entry.get("knowledge"), "")]
        if any(words):
            notes[tuple(entry.get("path") or ())] = ", ".join(word for word in words if word)
    return notes


class _Unknown:
    """Stands for a value that only the apply will tell."""


_UNKNOWN: Final = _Unknown()


def _tree(change: Mapping[str, Any], side: str) -> Any:
    # At the top an empty tree says that no changed field exists on that side, not that a field is empty.
    return change.get(side) or ABSENT


def _leaves(
    before: Any, after: Any, unknown: Any, old_secret: Any, new_secret: Any, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any, Any, tuple[bool, bool]]]:
    if unknown is True:
        after = _UNKNOWN
    here = (old_secret is True, new_secret is True)
    branches = [side for side in (before, after) if _is_branch(side)]
    marks = [mark for mark in (unknown, old_secret, new_secret) if isinstance(mark, dict)]
    scalar = any(side is not ABSENT and not _is_branch(side) for side in (before, after))
    if any(here) or scalar or not (branches or marks):
        if path:
            yield path, before, after, here
        return
    for name in sorted({name for tree in (*branches, *marks) for name in tree}):
        yield from _leaves(
            _member(before, name),
            _member(after, name),
            _member(unknown, name, None),
            _member(old_secret, name, None),
            _member(new_secret, name, None),
            (*path, name),
        )


def _is_branch(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and not any(name.startswith("$") for name in value)


def _member(value: Any, name: str, default: Any = ABSENT) -> Any:
    return value.get(name, default) if isinstance(value, dict) else default


def _text(value: Any, hidden: bool) -> str:
    if value is ABSENT:
        return HIDDEN if hidden else NOT_SET
    if value is _UNKNOWN:
        return "(known after apply)"
    if isinstance(value, dict) and len(value) == 1:
        (name, content), *_ = value.items()
        if name in ("$sensitive", "$hash"):
            return visible(f"{HIDDEN} #{content}") if isinstance(content, str) else HIDDEN
        if name == "$secret" and isinstance(content, dict) and "generate" in content:
            return f"(a new secret, rotation {visible(str(content.get('rotation')))})"
        if name == "$secret" and isinstance(content, dict):
            return f"(secret from {visible(' '.join(f'{k} {v}' for k, v in content.items()))})"
    if hidden:
        return HIDDEN
    return visible(json.dumps(value, ensure_ascii=False, sort_keys=True))


def _window(text: str, start: int) -> str:
    if len(text) <= _LIMIT:
        return text
    end = start + _LIMIT
    lead = "..." if start else ""
    tail = f"... ({len(text):,} characters)" if end < len(text) else f" ({len(text):,} characters)"
    return f"{lead}{text[start:end]}{tail}"

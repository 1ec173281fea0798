"""Filters that look into lists of mappings: `risks|map(attribute='code')`, `change.fields|selectattr('secret')`.

Jinja2's own take the name of any filter as an argument and give generators; these give lists of values only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from retrainctl.manifest.scope import ExpressionError, no_member

_ABSENT: Final = object()
_HINT: Final = "Write for example risks|map(attribute='code')."

Tests = Mapping[str, Any]
Listed = Callable[[Any], list[Any]]


def filters(tests: Tests, listed: Listed) -> dict[str, Callable[..., Any]]:
    """The filters by name. tests: those of the expression language; listed: a value as a list, bounded, else an
    error."""
    return {
        "list": listed,
        "map": partial(_mapped, listed),
        "selectattr": partial(_chosen, tests, listed, True),
        "rejectattr": partial(_chosen, tests, listed, False),
    }


def _mapped(listed: Listed, values: Any, *others: Any, attribute: Any = None, default: Any = _ABSENT) -> list[Any]:
    """One member of each entry."""
    if others or not isinstance(attribute, str):
        raise ExpressionError("map needs the name of a member", _HINT, "RC121")
    found = []
    for entry in listed(values):
        value = _member(entry, attribute)
        if value is _ABSENT and default is _ABSENT:
            raise no_member("", attribute, entry if isinstance(entry, Mapping) else {})
        found.append(default if value is _ABSENT else value)
    return found


def _chosen(tests: Tests, listed: Listed, wanted: bool, values: Any, attribute: Any, *arguments: Any) -> list[Any]:
    """The entries whose member passes a test (without one: is true); an entry without the member does not pass."""
    name, *rest = arguments or (None,)
    test: Callable[..., Any] = bool
    if name is not None:
        if name not in tests:
            raise ExpressionError(f"there is no test `{name}`", f"Tests: {', '.join(sorted(tests))}.", "RC121")
        test = tests[name]
    passed = []
    for entry in listed(values):
        value = _member(entry, str(attribute))
        holds = value is not _ABSENT and bool(test(value, *rest))
        if name == "undefined":
            holds = value is _ABSENT
        if holds is wanted:
            passed.append(entry)
    return passed


def _member(entry: Any, path: str) -> Any:
    for name in path.split("."):
        if not isinstance(entry, Mapping) or name not in entry:
            return _ABSENT
        entry = entry[name]
    return entry

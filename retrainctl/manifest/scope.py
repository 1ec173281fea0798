"""What expressions can see, and what is said when they look for something that is not there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from retrainctl.model.values import Json

MAX_TEXT: Final = 65_536
"""No expression makes a longer text."""

Scope: TypeAlias = Mapping[str, Any]
"""The values of the names that an expression may use."""

Evaluate: TypeAlias = Callable[[Scope], Any]


class ExpressionError(Exception):
    """An expression that cannot be read or has no value. `code` is a key of `retrainctl.codes`."""

    def __init__(self, message: str, hint: str = "", code: str = "RC123") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code


def unknown_name(name: str, scope: Scope | frozenset[str]) -> ExpressionError:
    """The error for a name that there is not, with the next step."""
    if name == "item":
        return ExpressionError(
            "`item` exists only in a document with forEach", "Add forEach, or use vars.NAME.", "RC122"
        )
    known = ", ".join(sorted(scope))
    return ExpressionError(f"there is no name `{name}` in expressions", f"Known names: {known}.", "RC122")


def missing(scope: Scope, name: str, member: str) -> ExpressionError:
    """The error for a member that `item` or `vars` does not have."""
    if name not in scope:
        return unknown_name(name, scope)
    holder: Json = scope[name]
    if not isinstance(holder, Mapping):
        kind = "a list" if isinstance(holder, Sequence) and not isinstance(holder, str) else "a single value"
        return ExpressionError(f"`{name}` is {kind} and has no `{member}`", f"Write {{{{ {name} }}}}.", "RC122")
    return no_member(name, member, holder)


def no_member(name: str, member: str, holder: Mapping[str, Any]) -> ExpressionError:
    """The error for a member that a mapping does not have; names the nearest one."""
    from retrainctl.manifest.suggest import hint

    what = {"vars": "variables", "item": "members of the item"}.get(name, "members")
    message = f"`{name}` has no `{member}`" if name else f"there is no member `{member}`"
    return ExpressionError(message, hint(member, list(holder), what), "RC122")

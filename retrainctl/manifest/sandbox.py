"""Jinja2 for expressions that are more than a look-up: the only place of this room that imports it.

Nothing but values can be reached: members of mappings and lists, a list of harmless filters and tests, arithmetic with
bounded results. There are no calls, no attributes of Python objects, no statements.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

import jinja2
from jinja2 import nodes
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from retrainctl.manifest import picking
from retrainctl.manifest.scope import MAX_TEXT, Evaluate, ExpressionError, Scope, no_member, unknown_name

_MAX_NUMBER: Final = 2**63 - 1
_MAX_FORMAT: Final = 256
_MAX_ITEMS: Final = 10_000
_MAX_PRECISION: Final = 15

_WIDE = re.compile(r"%(?:\([^)]*\))?[^%a-zA-Z]*[0-9]{4}")

_NODES: Final = (
    nodes.Const,
    nodes.Name,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Slice,
    nodes.List,
    nodes.Tuple,
    nodes.Dict,
    nodes.Pair,
    nodes.Keyword,
    nodes.Add,
    nodes.Sub,
    nodes.Mul,
    nodes.Div,
    nodes.FloorDiv,
    nodes.Mod,
    nodes.Neg,
    nodes.Pos,
    nodes.Not,
    nodes.And,
    nodes.Or,
    nodes.Concat,
    nodes.Compare,
    nodes.Operand,
    nodes.CondExpr,
    nodes.Filter,
    nodes.Test,
)
"""What an expression may consist of."""

_FILTERS: Final = (
    "abs",
    "capitalize",
    "count",
    "d",
    "default",
    "first",
    "last",
    "length",
    "lower",
    "max",
    "min",
    "sort",
    "string",
    "sum",
    "title",
    "trim",
    "truncate",
    "upper",
    "urlencode",
)
_TESTS: Final = (
    "defined",
    "undefined",
    "none",
    "boolean",
    "true",
    "false",
    "integer",
    "float",
    "number",
    "string",
    "mapping",
    "sequence",
    "odd",
    "even",
    "divisibleby",
    "in",
    "eq",
    "==",
    "ne",
    "!=",
    "lt",
    "<",
    "le",
    "<=",
    "gt",
    ">",
    "ge",
    ">=",
    "lower",
    "upper",
)


class _Missing(jinja2.StrictUndefined):
    """A value that is not there; using it says so in our words."""

    __slots__ = ()

    def _fail_with_undefined_error(self, *args: Any, **kwargs: Any) -> Any:
        raise _absent(self)

    __iter__ = __str__ = __len__ = __eq__ = __ne__ = __bool__ = __hash__ = _fail_with_undefined_error
    __contains__ = __add__ = __radd__ = __sub__ = __mul__ = __mod__ = _fail_with_undefined_error


def _absent(value: jinja2.Undefined) -> ExpressionError:
    name, holder = value._undefined_name, value._undefined_obj
    if isinstance(holder, Mapping):
        return no_member("", str(name), holder)
    if isinstance(name, str) and value._undefined_hint is None and holder is not missing:
        kind = "a list" if isinstance(holder, list) else "a single value"
        return ExpressionError(f"{kind} has no `{name}`", "Only mappings have members.", "RC122")
    return ExpressionError(
        value._undefined_message, "Use the filter default(...) where a value may be missing.", "RC122"
    )


class _Sandbox(ImmutableSandboxedEnvironment):
    """Values only: no attribute of any Python object, no call, bounded results."""

    intercepted_binops = frozenset({"+", "*", "%"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        if isinstance(obj, jinja2.Undefined):
            raise _absent(obj)
        return self.undefined(obj=obj, name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, jinja2.Undefined):
            raise _absent(obj)
        try:
            if isinstance(obj, Mapping | list | tuple | str):
                return obj[argument]
        except (KeyError, IndexError, TypeError):
            pass
        return self.undefined(obj=obj, name=argument)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "%" and isinstance(left, str):
            return formatted(left, right)
        if operator == "*":
            for sized, count in ((left, right), (right, left)):
                if isinstance(sized, list | tuple):
                    raise ExpressionError("a list cannot be multiplied", "Write its entries out.", "RC124")
                if isinstance(sized, str) and isinstance(count, int):
                    _bounded(len(sized) * count, "text")
        elif isinstance(left, str | list | tuple) and isinstance(right, str | list | tuple):
            _bounded(len(left) + len(right), "text" if isinstance(left, str) else "list")
        return super().call_binop(context, operator, left, right)


def _bounded(size: int, what: str) -> None:
    limit = MAX_TEXT if what == "text" else _MAX_ITEMS
    if size > limit:
        raise ExpressionError(f"the {what} gets longer than {limit}", "Shorten it.", "RC124")


def formatted(pattern: Any, *values: Any, **named: Any) -> str:
    """`%`-formatting with bounded widths; also the filter `format`."""
    text = str(pattern)
    if len(text) > _MAX_FORMAT or "*" in text or _WIDE.search(text):
        raise ExpressionError("a format with such a width is not allowed", "Use a width below 1000.", "RC124")
    arguments: Any = named or (values[0] if len(values) == 1 else values)
    try:
        result: str = text % arguments
    except (TypeError, ValueError, KeyError) as error:
        raise ExpressionError(
            f"the format {text!r} does not fit its value: {error}", "CSV values are text: '%03d'|format(item.n|int)."
        ) from None
    _bounded(len(result), "text")
    return result


def whole(value: Any, default: Any = None) -> int:
    """The filter `int`: unlike Jinja2's it refuses what is no whole number instead of giving 0."""
    number: int = _number(value, default, int, "a whole number")
    return number


def decimal(value: Any, default: Any = None) -> float:
    """The filter `float`, as strict as `int`."""
    number: float = _number(value, default, float, "a number")
    return number


def _number(value: Any, default: Any, kind: Callable[[Any], Any], what: str) -> Any:
    if isinstance(value, jinja2.Undefined) and default is None:
        raise _absent(value)
    try:
        if isinstance(value, str) and (len(value) > 40 or "_" in value):
            raise ValueError(value)
        number = kind(value)
        if number != number or abs(number) > _MAX_NUMBER:
            raise ValueError(value)
        return number
    except (TypeError, ValueError, OverflowError):
        if default is not None:
            return default
        raise ExpressionError(f'"{str(value)[:40]}" is not {what}', f"Mend the value; {what} is needed here.") from None


def rounded(value: Any, precision: int = 0) -> float:
    """The filter `round`, to at most 15 places."""
    if not isinstance(precision, int) or not 0 <= precision <= _MAX_PRECISION:
        raise ExpressionError(f"round takes 0 to {_MAX_PRECISION} places", "Write value|round(2).")
    return round(decimal(value), precision)


def replaced(text: Any, old: Any, new: Any) -> str:
    """The filter `replace`, bounded."""
    source, before, after = str(text), str(old), str(new)
    _bounded(len(source) + source.count(before) * len(after), "text")
    return source.replace(before, after)


def joined(values: Any, separator: Any = "") -> str:
    """The filter `join`, bounded."""
    texts = [str(value) for value in _listed(values)]
    _bounded(sum(map(len, texts)) + len(texts) * len(str(separator)), "text")
    return str(separator).join(texts)


def reversed_(value: Any) -> Any:
    """The filter `reverse`, for text and lists."""
    return value[::-1] if isinstance(value, str) else _listed(value)[::-1]


def unique(value: Any) -> list[Any]:
    """The filter `unique`: first of equals, in order."""
    return list({repr(item): item for item in reversed(_listed(value))}.values())[::-1]


def _listed(value: Any) -> list[Any]:
    if isinstance(value, jinja2.Undefined):
        raise _absent(value)
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise ExpressionError("a list is needed here", "Give the filter a list.")
    items = list(value)
    _bounded(len(items), "list")
    return items


@lru_cache(maxsize=1)
def _sandbox() -> _Sandbox:
    sandbox = _Sandbox(undefined=_Missing, autoescape=False, cache_size=0)
    sandbox.globals.clear()
    sandbox.filters = {name: sandbox.filters[name] for name in _FILTERS} | {
        "float": decimal,
        "format": formatted,
        "int": whole,
        "join": joined,
        "replace": replaced,
        "reverse": reversed_,
        "round": rounded,
        "unique": unique,
    }
    sandbox.tests = {name: sandbox.tests[name] for name in _TESTS}
    sandbox.filters |= picking.filters(sandbox.tests, _listed)
    return sandbox


def compiled(source: str, allowed: frozenset[str]) -> tuple[frozenset[str], str | None, Evaluate]:
    """Compiles an expression; gives the names that it uses, the member of `item` where it uses a single one, and what
    evaluates it. Raises `ExpressionError`."""
    sandbox = _sandbox()
    try:
        parser = Parser(sandbox, source, state="variable")
        tree = parser.parse_expression()
        if not parser.stream.eos:
            raise ExpressionError(
                f"the expression cannot be read from `{parser.stream.current.value}` on", _SYNTAX, "RC121"
            )
        names = _checked(tree, allowed)
        run = sandbox.compile_expression(source, undefined_to_none=False)
    except jinja2.TemplateSyntaxError as error:
        raise ExpressionError(f"the expression cannot be read: {error.message}", _SYNTAX, "RC121") from None
    except RecursionError:
        raise ExpressionError("the expression is nested too deeply", "Simplify it.", "RC121") from None
    return names, _column(tree), lambda scope: _evaluate(run, scope, names)


_SYNTAX: Final = "Expressions are look-ups such as item.id, operators, and filters such as |int."


def _checked(tree: nodes.Node, allowed: frozenset[str]) -> frozenset[str]:
    """The names that an expression uses; raises `ExpressionError` for what it must not hold."""
    names: set[str] = set()
    for node in (tree, *tree.find_all(nodes.Node)):
        if isinstance(node, nodes.Call):
            raise ExpressionError("calls are not part of this language", "Use a filter: value|NAME.", "RC121")
        if not isinstance(node, _NODES):
            raise ExpressionError(f"`{type(node).__name__}` is not part of this language", _SYNTAX, "RC121")
        if isinstance(node, nodes.Name):
            if node.name not in allowed:
                raise unknown_name(node.name, allowed)
            names.add(node.name)
        elif isinstance(node, nodes.Filter | nodes.Test):
            _check_use(node)
    return frozenset(names)


def _column(tree: nodes.Node) -> str | None:
    """The one member of `item` that an expression looks at."""
    members = {
        node.attr
        for node in (tree, *tree.find_all(nodes.Getattr))
        if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name) and node.node.name == "item"
    }
    return members.pop() if len(members) == 1 else None


def _check_use(node: nodes.Filter | nodes.Test) -> None:
    from retrainctl.manifest.suggest import hint

    known = _sandbox().filters if isinstance(node, nodes.Filter) else _sandbox().tests
    what = "filter" if isinstance(node, nodes.Filter) else "test"
    if node.name not in known:
        raise ExpressionError(f"there is no {what} `{node.name}`", hint(node.name, sorted(known), f"{what}s"), "RC121")
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        raise ExpressionError("`*` in arguments is not part of this language", "Write the arguments out.", "RC121")


def _evaluate(run: Callable[..., Any], scope: Scope, names: frozenset[str]) -> Any:
    for name in names:
        if name not in scope:
            raise unknown_name(name, scope)
    try:
        value = run(**{name: scope[name] for name in names})
    except ExpressionError:
        raise
    except jinja2.UndefinedError as error:
        raise ExpressionError(str(error.message), "Use default(...) where a value may be missing.", "RC122") from None
    except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        raise ExpressionError(f"the expression has no value: {error}", _SYNTAX) from None
    return _plain(value, [0])


def _plain(value: Any, counted: list[int]) -> Any:
    """The value if it is one that JSON can hold and that is not too large; `counted` holds the values so far."""
    counted[0] += 1
    _bounded(counted[0], "list")
    if isinstance(value, jinja2.Undefined):
        raise _absent(value)
    if isinstance(value, str):
        _bounded(len(value), "text")
        return str(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        if value != value or abs(value) > _MAX_NUMBER:
            raise ExpressionError("the number is too large", "Keep numbers below 2^63.", "RC124")
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(member, counted) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(member, counted) for member in value]
    raise ExpressionError(f"a {type(value).__name__} is no value of a manifest", _SYNTAX, "RC124")

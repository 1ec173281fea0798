"""Expressions inside parsed scalars: `{{ item.id }}`, `model-{{ vars.stage }}`.

A scalar that is one single expression keeps the value's type; any other becomes text. The plain look-ups that nearly
all manifests consist of (`item`, `item.NAME`, `vars.NAME`, `environment`) are done here, without Jinja2; everything
else goes through the sandbox in `retrainctl.manifest.sandbox`, with the same meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from retrainctl.fastclass import dataclass
from retrainctl.manifest.scope import MAX_TEXT, Evaluate, ExpressionError, Scope, missing, unknown_name

NAMES: Final = frozenset({"item", "vars", "environment"})
MAX_SOURCE: Final = 2_000

_SIMPLE = re.compile(r"\s*(item|vars|environment)(?:\.([A-Za-z_][A-Za-z0-9_]*))?\s*", re.ASCII)
_TOKEN = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[{}]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Expression:
    """One compiled `{{ ... }}`.

    names: which of the scope's names it uses. column: the member of `item` where it uses a single one.
    """

    source: str
    names: frozenset[str]
    evaluate: Evaluate
    column: str | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """A scalar with expressions in it, its parts in order.

    names: what all expressions use. render: makes the scalar's value; raises `ExpressionError`.
    """

    parts: tuple[str | Expression, ...]
    names: frozenset[str]
    render: Evaluate

    @property
    def column(self) -> str | None:
        """The item's member that the value comes from, where it is a single one."""
        columns = {part.column for part in self.parts if isinstance(part, Expression) and "item" in part.names}
        return columns.pop() if len(columns) == 1 else None

    def given(self, scope: Scope) -> Template:
        """The same scalar with all that does not use `item` evaluated."""
        if len(self.parts) == 1:
            return self
        return _template(
            [part if isinstance(part, str) or "item" in part.names else _text_of(part, scope) for part in self.parts]
        )


def plain_column(expression: Expression) -> str | None:
    """NAME, where the expression is `item.NAME` and nothing else."""
    simple = _SIMPLE.fullmatch(expression.source)
    return simple[2] if simple is not None and simple[1] == "item" else None


def compile_text(text: str, allowed: frozenset[str] = NAMES) -> Template:
    """Compiles a scalar that holds `{{`; raises `ExpressionError` for what is not an expression of this language."""
    return _template(list(_parts(text, allowed)))


def _template(parts: list[str | Expression]) -> Template:
    names = frozenset[str]().union(*(part.names for part in parts if isinstance(part, Expression)))
    if len(parts) == 1 and isinstance(parts[0], Expression):
        return Template((parts[0],), names, parts[0].evaluate)
    lead = ""
    tails: list[tuple[Expression, str]] = []
    for part in parts:
        if isinstance(part, Expression):
            tails.append((part, ""))
        elif tails:
            tails[-1] = (tails[-1][0], tails[-1][1] + part)
        else:
            lead += part
    return Template(tuple(parts), names, _writer(lead, tuple(tails)))


def _writer(lead: str, tails: tuple[tuple[Expression, str], ...]) -> Evaluate:
    """Makes a text: what comes first, then each expression's value and what follows it."""

    def write(scope: Scope) -> str:
        text = lead
        for part, tail in tails:
            value = part.evaluate(scope)
            text += (value if type(value) is str else _written(part, value)) + tail
        if len(text) > MAX_TEXT:
            raise ExpressionError(f"the text gets longer than {MAX_TEXT} characters", "Shorten it.", "RC124")
        return text

    return write


@lru_cache(maxsize=4096)
def compile_expression(source: str, allowed: frozenset[str] = NAMES) -> Expression:
    """Compiles what stands between `{{` and `}}`."""
    simple = _SIMPLE.fullmatch(source)
    if simple is not None:
        if simple[1] not in allowed:
            raise unknown_name(simple[1], allowed)
        return _simple(source.strip(), simple[1], simple[2])
    if len(source) > MAX_SOURCE:
        raise ExpressionError(f"an expression of more than {MAX_SOURCE} characters", "Shorten it.", "RC121")
    from retrainctl.manifest import sandbox

    names, column, evaluate = sandbox.compiled(source, allowed)
    return Expression(source.strip(), names, evaluate, column)


def _parts(text: str, allowed: frozenset[str]) -> Iterator[str | Expression]:
    at = 0
    lead = re.match(r"\s*\{\{", text)
    if lead is not None and (end := _end(text, lead.end())) is not None and not text[end + 2 :].strip():
        yield compile_expression(_checked(text[lead.end() : end]), allowed)
        return
    while (begin := text.find("{{", at)) >= 0:
        end = _end(text, begin + 2)
        if end is None:
            raise ExpressionError("an expression that is never closed", "Close it with }}.", "RC121")
        if begin > at:
            yield text[at:begin]
        yield compile_expression(_checked(text[begin + 2 : end]), allowed)
        at = end + 2
    if at < len(text):
        yield text[at:]


def _checked(source: str) -> str:
    """The source, if it does not ask for what Jinja2 knows and this language does not."""
    if source[:1] in ("-", "+") or source[-1:] in ("-", "+"):
        raise ExpressionError(
            "{{- and -}} are not part of this language", "Write {{ ... }} with blanks inside.", "RC121"
        )
    if not source.strip():
        raise ExpressionError("an empty expression", "Write a name, e.g. {{ item.id }}.", "RC121")
    return source


def _end(text: str, at: int) -> int | None:
    """Where the `}}` stands that closes an expression begun before `at`; quoted text and inner braces do not count."""
    depth = 0
    for token in _TOKEN.finditer(text, at):
        match token[0]:
            case "{":
                depth += 1
            case "}" if depth:
                depth -= 1
            case "}" if text.startswith("}}", token.start()):
                return token.start()
    return None


def _simple(source: str, name: str, member: str | None) -> Expression:
    names = frozenset({name})
    if member is None:
        return Expression(source, names, lambda scope: _whole(scope, name))

    def evaluate(scope: Scope) -> Any:
        try:
            return scope[name][member]
        except (KeyError, TypeError, IndexError):
            raise missing(scope, name, member) from None

    return Expression(source, names, evaluate, member if name == "item" else None)


def _whole(scope: Scope, name: str) -> Any:
    try:
        return scope[name]
    except KeyError:
        raise unknown_name(name, scope) from None


def _text_of(part: Expression, scope: Scope) -> str:
    value = part.evaluate(scope)
    return value if isinstance(value, str) else _written(part, value)


def _written(part: Expression, value: Any) -> str:
    """A value that is no text as a part of a text, as Jinja2 writes it."""
    if isinstance(value, Mapping | list | tuple):
        kind = "a mapping" if isinstance(value, Mapping) else "a list"
        raise ExpressionError(f"{{{{ {part.source} }}}} is {kind} and cannot be part of a text", _MEMBER_HINT, "RC124")
    return str(value)


_MEMBER_HINT: Final = "Pick one value of it, or let the expression stand alone."

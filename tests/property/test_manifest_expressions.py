"""Look-ups that are done without Jinja2 mean what Jinja2 means; no expression crashes or runs away."""

from __future__ import annotations

import string
from typing import Any

import jinja2
from hypothesis import example, given
from hypothesis import strategies as st
from jinja2.nativetypes import NativeEnvironment

from retrainctl.manifest import sandbox
from retrainctl.manifest.expressions import compile_expression, compile_text
from retrainctl.manifest.scope import MAX_TEXT, ExpressionError

NAMES = st.sampled_from(["id", "name", "keys", "items", "count", "update", "x1", "_y"])
SCALARS = st.text(string.printable, max_size=12) | st.integers(-(10**9), 10**9) | st.booleans() | st.none()
SCALARS = SCALARS | st.floats(allow_nan=False, allow_infinity=False, width=32)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=5
)
ITEMS = st.dictionaries(NAMES, VALUES, max_size=6)
TEXT = st.text(string.ascii_letters + " -_@./:é{}%#", max_size=10).filter(
    lambda text: not any(sign in text for sign in ("{{", "}}", "{%", "{#")) and text[-1:] != "{" and text[:1] != "}"
)
SPACES = st.sampled_from(["", " ", "  ", "\n", "\t"])
EVERYTHING = frozenset({"item", "vars", "environment"})


@st.composite
def lookups(draw: st.DrawFn) -> str:
    root = draw(st.sampled_from(["item", "vars", "environment"]))
    member = "" if root == "environment" else f".{draw(NAMES)}"
    return f"{draw(SPACES)}{root}{member}{draw(SPACES)}"


def outcome(run: Any, *arguments: Any) -> tuple[str, Any]:
    try:
        return "value", run(*arguments)
    except (ExpressionError, jinja2.UndefinedError):
        return "error", None


@given(source=lookups(), item=ITEMS, variables=ITEMS)
def test_a_plain_look_up_is_what_the_sandbox_says(source: str, item: dict[str, Any], variables: dict[str, Any]) -> None:
    scope = {"item": item, "vars": variables, "environment": "prod"}
    quick = compile_expression(source)
    names, _, slow = sandbox.compiled(source, EVERYTHING)
    assert quick.names == names
    assert outcome(quick.evaluate, scope) == outcome(slow, scope)


@given(source=lookups(), item=ITEMS, variables=ITEMS)
def test_a_plain_look_up_is_what_jinja_says(source: str, item: dict[str, Any], variables: dict[str, Any]) -> None:
    """Jinja2 itself prefers an attribute (`item.keys` would be a method); there, and only there, we differ."""
    if any(source.strip().endswith(f".{name}") for name in ("keys", "items", "count", "update")):
        return
    scope = {"item": item, "vars": variables, "environment": "prod"}
    expression = jinja2.Environment(undefined=jinja2.StrictUndefined).compile_expression(
        source, undefined_to_none=False
    )

    def reference() -> Any:
        value = expression(**scope)
        if isinstance(value, jinja2.Undefined):
            raise jinja2.UndefinedError(str(value._undefined_message))
        return value

    assert outcome(compile_expression(source).evaluate, scope) == outcome(reference)


@given(
    parts=st.lists(st.tuples(TEXT, lookups()), min_size=1, max_size=3),
    tail=TEXT,
    item=st.dictionaries(NAMES, SCALARS),
    variables=st.dictionaries(NAMES, SCALARS),
)
def test_text_around_look_ups_is_what_jinja_writes(
    parts: list[tuple[str, str]], tail: str, item: dict[str, Any], variables: dict[str, Any]
) -> None:
    text = "".join(f"{before}{{{{{source}}}}}" for before, source in parts) + tail
    if any(f".{name}" in text for name in ("keys", "items", "count", "update")):
        return
    scope = {"item": item, "vars": variables, "environment": "prod"}
    single = len(parts) == 1 and not parts[0][0].strip() and not tail.strip()
    environment = (NativeEnvironment if single else jinja2.Environment)(
        undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    )
    if single:
        source = parts[0][1]
        expected = outcome(lambda: compile_expression(source).evaluate(scope))
    else:
        expected = outcome(lambda: environment.from_string(text).render(**scope))
    assert outcome(lambda: compile_text(text).render(scope)) == expected


@given(
    text=st.text(string.ascii_letters + string.digits + " {}'\"|.()[]+-*/%~<>=!,:_", max_size=60),
    item=ITEMS,
)
@example("{{ 'a' * 10 ** 9 }}", {})
@example("{{ item.__class__.__mro__ }}", {})
@example("{{ ''.__class__ }}", {})
@example("{{ '%999999999d' % 1 }}", {})
@example("{{ '%(a)999999999d' % {'a': 1} }}", {})
@example("{{ 1.5|round(10000000) }}", {})
@example("{{ ['a' * 60000]|join('b' * 60000) }}", {})
@example("{{ ('a' * 60000)|replace('a', 'b' * 60000) }}", {})
@example("{{ [[1] * 9999] * 9999 }}", {})
@example("{{ [[1, [[1] * 9999] * 9999]]|string }}", {})
@example("{{ 9999999999 * 9999999999 * 9999999999 }}", {})
@example("{{ 'a'|center(1000000000) }}", {})
@example("{{ self }}{{ cycler }}{{ range(9) }}", {})
@example("{{ item|attr('x') }}", {})
@example("{{ item.keys() }}", {"keys": 1})
def test_no_expression_crashes_or_runs_away(text: str, item: dict[str, Any]) -> None:
    scope = {"item": item, "vars": {}, "environment": "prod"}
    try:
        value = compile_text(text).render(scope)
    except ExpressionError as error:
        assert error.message
        assert error.code.startswith("RC12")
    else:
        assert isinstance(value, str | int | float | bool | list | dict | None)
        assert not isinstance(value, str) or len(value) <= MAX_TEXT

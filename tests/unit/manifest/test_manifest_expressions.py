"""What expressions can say, and how they fail."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from retrainctl.manifest.expressions import compile_text
from retrainctl.manifest.scope import ExpressionError

SCOPE: dict[str, Any] = {
    "item": {"id": "007", "n": 3, "keys": "K", "on": True, "none": None, "list": [1, 2]},
    "vars": {"stage": "blue", "regions": ["a", "b"], "limits": {"low": 1}},
    "environment": "prod",
}


def render(text: str) -> Any:
    return compile_text(text).render(SCOPE)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ item.id }}", "007"),
        ("  {{ item.n }}  ", 3),
        ("{{ item.on }}", True),
        ("{{ item.none }}", None),
        ("{{ vars.regions }}", ["a", "b"]),
        ("{{ vars.limits.low }}", 1),
        ("{{ item.keys }}", "K"),
        ("{{ item['keys'] }}", "K"),
        ("{{ environment }}", "prod"),
        ("{{ item }}", SCOPE["item"]),
        ("model-{{ item.id }}@{{ item.n }}", "model-007@3"),
        ("{{ item.id|int }}", 7),
        ("{{ item.n + 1 }}", 4),
        ("{{ '%03d'|format(item.n) }}", "003"),
        ("a{{ '%05d' % item.n }}", "a00003"),
        ("{{ item.missing|default('x') }}", "x"),
        ("{{ 'high' if item.n > 2 else 'low' }}", "high"),
        ("{{ vars.regions|join('+') }}", "a+b"),
        ("{{ vars.regions|first }}", "a"),
        ("{{ vars.regions|reverse }}", ["b", "a"]),
        ("{{ [3, 1, 3]|unique|sort }}", [1, 3]),
        ("{{ item.id[-1] }}", "7"),
        ("{{ {'a': {'b': 1}}['a']['b'] }}", 1),
        ("{{ '}}' }}", "}}"),
        ("literal {{ '{{' }} braces", "literal {{ braces"),
        ("{% raw %}{{ item.n }}{# note #}", "{% raw %}3{# note #}"),
        ("100 % {{ item.n }} }", "100 % 3 }"),
        ("{{ item.missing is defined }}", False),
        ("{{ item.n / 2 }}", 1.5),
        ("{{ 1.234|round(1) }}", 1.2),
        ("{{ item.id|replace('0', '') }}", "7"),
    ],
)
def test_an_expression_has_its_value(text: str, value: object) -> None:
    assert render(text) == value
    assert type(render(text)) is type(value)


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("{{ item.idd }}", "RC122", "`item` has no `idd`"),
        ("{{ item.idd + 1 }}", "RC122", "no member `idd`"),
        ("{{ vars.limits.hgh }}", "RC122", "no member `hgh`"),
        ("{{ vars.stage.x }}", "RC122", "a single value has no `x`"),
        ("{{ environment.name }}", "RC122", "single value"),
        ("{{ nothing }}", "RC122", "no name `nothing`"),
        ("{{ vars.regions[5] }}", "RC122", "element 5"),
        ("{{ item.id", "RC121", "never closed"),
        ("{{ }}", "RC121", "empty"),
        ("{{ item.id item.n }}", "RC121", "cannot be read"),
        ("{{- item.id -}}", "RC121", "not part of this language"),
        ("{{ item.id.upper() }}", "RC121", "calls"),
        ("{{ range(3) }}", "RC121", "calls"),
        ("{{ 2 ** 9 }}", "RC121", "`Pow`"),
        ("{{ item.id|nope }}", "RC121", "no filter `nope`"),
        ("{{ item.id is nope }}", "RC121", "no test `nope`"),
        ("{{ item.id|format(*vars.regions) }}", "RC121", "`*` in arguments"),
        ("{{ vars.stage|int }}", "RC123", '"blue" is not a whole number'),
        ("{{ 1 / 0 }}", "RC123", "division by zero"),
        ("{{ item.n + 'x' }}", "RC123", "no value"),
        ("{{ '%d' % item.id }}", "RC123", "does not fit its value"),
        ("regions {{ vars.regions }}", "RC124", "is a list"),
        ("{{ 'a' * 100000 }}", "RC124", "longer than"),
        ("{{ '%99999d' % 1 }}", "RC124", "width"),
        ("{{ 9999999999 * 9999999999 }}", "RC124", "too large"),
        ("{{ 'x' if item.n > 9 }}", "RC122", "evaluated to false"),
    ],
)
def test_an_expression_fails_in_plain_words(text: str, code: str, words: str) -> None:
    with pytest.raises(ExpressionError) as failed:
        render(text)
    assert failed.value.code == code
    assert words in failed.value.message
    assert failed.value.hint


def test_names_must_be_known_where_the_scalar_stands() -> None:
    with pytest.raises(ExpressionError) as failed:
        compile_text("{{ item.id }}", frozenset({"vars"}))
    assert "forEach" in failed.value.message


def test_look_ups_do_not_import_jinja() -> None:
    code = (
        "import sys; from retrainctl.manifest.expressions import compile_text;"
        "assert compile_text('a{{ item.id }}b{{ vars.x }}').render({'item': {'id': 1}, 'vars': {'x': 2}}) == 'a1b2';"
        "assert 'jinja2' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

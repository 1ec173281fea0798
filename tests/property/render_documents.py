"""Plan documents full of text that somebody hostile chose, for the property tests of the renderers."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.golden.render.plans import HOSTILE, a_change, a_move, a_plan, a_risk

CANARY = "CANARY"
"""Stands in every foreign text: where it is found, foreign text is."""

PIECES = (
    "`", "``", "```", "~~~", "|", "\\", "\\|", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<!--",
    "-->", "</details>", "</summary>", "</code>", "</pre>", "]]>", "<![CDATA[", "&lt;", "&#64;", "@team", "@org/team",
    "#123", "GH-1", "org/repo#9", "!1", "https://evil.example", "http://evil.example/x", "www.evil.example",
    "me@evil.example", "[a](javascript:alert(1))", "![a](https://evil.example/p)", "[a]: https://evil.example",
    "<https://evil.example>", "::set-env name=X::y", "::error::x", "##vso[task.setvariable variable=a]b",
    "##[error]c", "#", ":", "::", "%0A", "%25", ";", "]", "\x1b[31m", "\x1b]0;title\x07", "\x9b31m", "\x00", "\x08",
    "\x7f", "\r", "\n", "\r\n", "\n\n", "\t", "\u2028", "\u2029", "\x85", "\u202e", "\u2066", "\u200b", "\u200d",
    "\u2060", "\ufeff", "\xad", "͏", "️", "\ufffe", "\uffff", "\ud800", "\U000e0041", "# h", "- x", "+ x", "> q",
    "1. x", "---", "===", "***", "    code", "* * *", "{{ 7*7 }}", "{% raw %}", "{#", "<%", "${x}", "$(x)", " ", "  ",
    "a", "Z9", "é", "名前", "🎉", ":tada:", "/close", "\"", "'", "=", "--", "",
)  # fmt: skip

foreign = st.builds(
    lambda before, after: "".join(before) + CANARY + "".join(after),
    st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=3),
    st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=3),
) | st.just(HOSTILE.replace("@team", CANARY + "@team"))

_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | foreign
    | st.builds(lambda name, text: {name: text}, st.sampled_from(["$sensitive", "$hash"]), foreign | st.just("#[x"))
    | st.builds(lambda text: {"$secret": {"env": text}}, foreign),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(foreign, inner, max_size=2),
    max_leaves=4,
)
_trees = st.dictionaries(foreign, _values, max_size=3)
_severity = st.sampled_from(["danger", "warning", "note"]) | foreign
_metrics = st.dictionaries(foreign, st.floats(allow_nan=False, allow_infinity=False) | foreign, max_size=2)


@st.composite
def changes(draw: st.DrawFn) -> dict[str, Any]:
    actions = draw(
        st.sampled_from([["create"], ["update"], ["delete"], ["delete", "create"]]) | st.just([CANARY + "`|"])
    )
    moves = [
        a_move(
            draw(foreign),
            f"{draw(foreign)}@1",
            f"{draw(foreign)}@2",
            from_uri=draw(foreign),
            to_uri=draw(foreign),
            from_metrics=draw(_metrics),
            to_metrics=draw(_metrics),
        )
        for _ in range(draw(st.integers(0, 2)))
    ]
    risks = [
        a_risk(draw(foreign), draw(_severity), draw(foreign), draw(foreign | st.none()))
        for _ in range(draw(st.integers(0, 2)))
    ]
    return a_change(
        f"{draw(foreign)}/{draw(foreign)}",
        actions,
        before=draw(_trees),
        after=draw(_trees),
        moves=moves,
        risks=risks,
        needs=draw(st.lists(foreign, max_size=1)),
        identity=draw(foreign),
        reason=draw(foreign),
        action_reason=draw(foreign),
        origin={"path": draw(foreign), "line": draw(st.integers(0, 9)), "column": 1},
        requests=[{"method": draw(foreign), "path": draw(foreign), "body": draw(_trees)}],
        step={"id": draw(foreign), "wait": draw(foreign), "check": draw(foreign)},
    )


@st.composite
def plan_documents(draw: st.DrawFn) -> dict[str, Any]:
    """Whole plans: every text that a manifest, a definition or a server can choose is foreign."""

    def entries(**members: st.SearchStrategy[Any]) -> list[dict[str, Any]]:
        return draw(st.lists(st.fixed_dictionaries(members), max_size=2))

    return a_plan(
        draw(st.lists(changes(), max_size=3)),
        environment=draw(foreign),
        digest=draw(foreign),
        created_at=draw(foreign),
        retrainctl_version=draw(foreign),
        targets=draw(st.dictionaries(foreign, foreign, max_size=1)),
        source={"commit": draw(foreign), "dirty": True, "manifests": []},
        drift=entries(address=foreign, path=st.lists(foreign, max_size=2), before=_values, after=_values),
        suppressed=entries(address=foreign, path=st.lists(foreign, max_size=2), reason=foreign),
        policy=entries(
            address=foreign, rule=foreign, level=foreign, message=foreign, outcome=foreign | st.just("denied")
        ),
        blocked=entries(guard=foreign, message=foreign, override=foreign | st.none(), address=foreign | st.none()),
        warnings=entries(code=foreign, message=foreign),
        not_covered=draw(st.lists(foreign, max_size=2)),
        complete=draw(st.booleans()),
        applyable=draw(st.booleans()),
    )

"""What a reader of each format relies on."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import pytest

from retrainctl.diagnostics import Diagnostic, Severity, Span
from retrainctl.model.redaction import Redactor
from retrainctl.model.values import Secret
from retrainctl.render.annotations import diagnostics_github, plan_github
from retrainctl.render.diagnostics_text import diagnostics_json, diagnostics_text
from retrainctl.render.formats import PLAN_FORMATS, RECEIPT_FORMATS, RenderOptions, render_plan, render_receipt
from retrainctl.render.junit import diagnostics_junit
from retrainctl.render.plan_markdown import marker
from retrainctl.render.read import plan_view
from retrainctl.render.sarif import diagnostics_sarif, plan_sarif
from retrainctl.render.style import cells
from tests.golden.render.plans import SIGNATURE, a_change, a_move, a_plan, a_risk, an_endpoint_move, plans
from tests.golden.render.receipts import a_receipt, a_result, receipts

PLANS = plans()


@pytest.mark.parametrize("form", PLAN_FORMATS)
def test_the_same_plan_gives_the_same_bytes(form: str) -> None:
    assert len({render_plan(PLANS["many-risks"], form) for _ in range(3)}) == 1


@pytest.mark.parametrize("form", PLAN_FORMATS)
def test_no_signature_and_no_known_secret_leaves(form: str) -> None:
    redactor = Redactor()
    redactor.learn(Secret("hunter2|`hunter2"))
    plan = a_plan(
        [
            a_change(
                "WebService/hunter2|`hunter2",
                after={"description": f"see https://a/b?{SIGNATURE} and hunter2|`hunter2"},
                moves=[a_move(to_uri=f"https://a/b?{SIGNATURE}")],
                risks=[a_risk(message=f"https://a/b?{SIGNATURE}")],
                requests=[{"method": "PUT", "path": f"/x?{SIGNATURE}", "body": {"k": "hunter2|`hunter2"}}],
            )
        ]
    )
    shown = render_plan(plan, form, RenderOptions(explain=True, redactor=redactor))
    assert "TOPSECRET" not in shown
    assert "hunter2" not in shown


@pytest.mark.parametrize("form", RECEIPT_FORMATS)
def test_a_receipt_is_redacted_too(form: str) -> None:
    receipt = a_receipt(a_result(error={"code": "RC1", "message": f"https://a/b?{SIGNATURE}"}, outcome="failed"))
    assert "TOPSECRET" not in render_receipt(receipt, form, RenderOptions(redactor=Redactor()))


@pytest.mark.parametrize("name", sorted(set(PLANS) - {"hostile"}))
def test_text_keeps_to_the_width_except_for_what_must_be_copied(name: str) -> None:
    for line in render_plan(PLANS[name], "text").splitlines():
        if cells(line) > 80:
            # An address, a URI or a digest that is whole; in the index a flag may follow it.
            longest = max(line.split(), key=len)
            assert len(longest) > 50, line


def test_lines_two_to_n_are_the_index_riskiest_first() -> None:
    lines = render_plan(PLANS["thousand-moves"], "text").splitlines()
    assert lines[0].startswith("Plan for prod: 1,000 changes")
    assert all(re.match(r"    ~ update  Endpoint/rentalloc\d{4}  bike-rental", line) for line in lines[2:1002])
    assert lines[1003] == "Details"


def test_hints_name_the_saved_plan_and_are_silent_in_automation() -> None:
    plan = PLANS["one-move"]
    assert render_plan(plan, "text", RenderOptions(saved_as="my plan.json")).endswith(
        "Next: retrainctl apply 'my plan.json' --env prod\n"
    )
    assert "retrainctl plan --env prod --out plan.json" in render_plan(plan, "text")
    assert "Next" not in render_plan(plan, "text", RenderOptions(hints=False))
    assert "Next" not in render_plan(PLANS["empty"], "text")


def test_ignored_differences_are_counted_and_listed_on_request() -> None:
    assert "3 differences of form only (1 location-form, 2 server-default)" in render_plan(PLANS["drift"], "text")
    assert "WebService/census readOnly: server-default" not in render_plan(PLANS["drift"], "text")
    listed = render_plan(PLANS["drift"], "text", RenderOptions(show_ignored=True))
    assert "WebService/census readOnly: server-default" in listed


def test_explain_lists_every_call_in_order() -> None:
    shown = render_plan(PLANS["steps"], "text", RenderOptions(explain=True))
    assert shown.index("PATCH /endpoints/two") < shown.index("POST /endpoints/two/refresh")
    assert 'body {"Resources":[]}' in shown


def test_markdown_has_a_marker_and_tells_the_age_only_with_a_clock() -> None:
    plan = PLANS["one-move"]
    shown = render_plan(plan, "md")
    assert shown.startswith(f"<!-- retrainctl:plan env=prod digest={plan['digest']} -->\n## retrainctl plan")
    later = datetime(2026, 11, 2, 8, 4, tzinfo=UTC)
    assert "(4 min ago)" in render_plan(plan, "md", RenderOptions(now=later))
    assert "ago" not in shown
    assert marker("plan", "a--b -->", "") == "<!-- retrainctl:plan env=a%2D%2Db%20%2D%2D%3E digest= -->"


@pytest.mark.parametrize(
    ("minutes", "said"), [(0, "just now"), (59, "59 min"), (60, "1 hour"), (150, "2 hours"), (3000, "2 days")]
)
def test_age_in_words(minutes: int, said: str) -> None:
    from retrainctl.render.plan_markdown import age

    now = datetime(2026, 1, 3, 2, 0, tzinfo=UTC)
    then = datetime.fromtimestamp(now.timestamp() - minutes * 60, UTC).isoformat()
    assert said in age(then, now)
    assert age("not a time", now) == ""
    assert age(then, None) == ""


def test_html_is_one_file_that_loads_nothing() -> None:
    page = render_plan(PLANS["many-risks"], "html")
    assert "default-src 'none'" in page
    assert not re.search(r"""(?:src|href)=["'](?!#)""", page)
    assert "url(" not in page
    assert "@import" not in page
    assert "<script" not in render_plan(PLANS["empty"], "html")


def test_events_begin_with_a_version_and_end_with_a_summary() -> None:
    events = [json.loads(line) for line in render_plan(PLANS["many-risks"], "events").splitlines()]
    assert [events[0]["type"], events[-1]["type"]] == ["version", "change_summary"]
    assert events[-1]["changes"] == {"add": 1, "change": 3, "remove": 1, "replace": 1, "operation": "plan"}
    assert sum(event["type"] == "planned_change" for event in events) == 6
    assert all({"@level", "@message", "@module", "@timestamp", "type"} <= set(event) for event in events)
    drift = [json.loads(line)["type"] for line in render_plan(PLANS["drift"], "events").splitlines()]
    assert drift.count("resource_drift") == 2


def test_events_of_a_receipt() -> None:
    events = [json.loads(line) for line in render_receipt(receipts()["receipt-conflict"], "events").splitlines()]
    kinds = [event["type"] for event in events]
    assert kinds.count("apply_start") == 3
    assert kinds.count("apply_errored") == 2
    assert events[-1]["changes"]["not_attempted"] == 1


def test_sarif_orders_by_level_and_names_places() -> None:
    run = json.loads(plan_sarif(plan_view(PLANS["many-risks"])))["runs"][0]
    assert [result["level"] for result in run["results"]] == ["error"] * 2 + ["warning"] * 3 + ["note"] * 2
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place == {
        "artifactLocation": {"uri": "manifests/census.yaml"},
        "region": {"startLine": 9, "startColumn": 3},
    }
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert all(rules[result["ruleIndex"]] == result["ruleId"] for result in run["results"])


def test_sarif_stays_within_what_github_takes() -> None:
    risks = [a_risk(f"r{n}", "note") for n in range(26)]
    run = json.loads(plan_sarif(plan_view(a_plan([an_endpoint_move(n, risks=risks) for n in range(1000)]))))["runs"][0]
    assert len(run["results"]) == 25_000
    assert run["properties"] == {"omittedResults": 1000}


def test_junit_fails_what_is_blocked() -> None:
    suites = ElementTree.fromstring(render_plan(PLANS["blocked"], "junit"))
    failed = {case.attrib["name"] for case in suites.iter("testcase") if case.find("failure") is not None}
    assert failed == {"plan of prod", "WebService/s0", "WebService/s1"}
    assert suites.attrib["failures"] == "3"
    assert suites.attrib["skipped"] == "1"


def test_junit_of_a_receipt() -> None:
    suites = ElementTree.fromstring(render_receipt(receipts()["receipt-conflict"], "junit"))
    outcome = {case.attrib["name"]: [e.tag for e in case if e.tag != "system-out"] for case in suites.iter("testcase")}
    assert outcome == {
        "WebService/a": [],
        "WebService/b": ["failure"],
        "WebService/c": ["failure"],
        "WebService/d": ["skipped"],
    }


def test_github_never_gets_more_than_it_shows() -> None:
    risks = [a_risk(f"r{n}", "warning") for n in range(25)]
    lines = plan_github(plan_view(a_plan([a_change(risks=risks)]))).splitlines()
    assert len(lines) == 10
    assert lines[-1] == "::warning title=retrainctl::16 more of this level are in the report"


def test_a_failed_verification_is_not_called_a_success() -> None:
    shown = render_receipt(receipts()["receipt-unverified"], "text")
    assert shown.startswith("Applied, but verification failed in prod")
    assert "NOT verified" in shown
    assert "rollback" in shown


def test_what_is_in_flight_leads_to_resume() -> None:
    shown = render_receipt(receipts()["receipt-interrupted"], "text")
    assert "apply --resume --env prod" in shown
    assert "operation https://management.azure.com/operations/1" in shown
    assert "Next" not in render_receipt(receipts()["receipt-interrupted"], "text", RenderOptions(hints=False))


FOUND = (
    Diagnostic(
        code="RC112",
        message='unknown field "titel"',
        span=Span("manifests/a.yaml", 7, 5),
        hint='Did you mean "title"?',
        address="WebService/a",
    ),
    Diagnostic(code="RC149", message="fits nothing", severity=Severity.WARNING),
)


def test_findings_show_the_line_and_a_caret_below_the_column() -> None:
    shown = diagnostics_text(FOUND, source=lambda file, line: "  \t titel: x\r\n" if line == 7 else None)
    assert shown.splitlines() == [
        'manifests/a.yaml:7:5: error[RC112]: unknown field "titel"',
        "  7 |     titel: x",
        "    |     ^",
        "  in WebService/a",
        '  help: Did you mean "title"?',
        "warning[RC149]: fits nothing",
        "1 error, 1 warning",
    ]
    assert diagnostics_text(()) == ""


@pytest.mark.parametrize("column", [1, 30, 150, 300, 400])
def test_a_long_line_is_cut_around_the_caret(column: int) -> None:
    line = "".join(str(n % 10) for n in range(1, 301))
    found = [Diagnostic(code="RC1", message="x", span=Span("a", 1, column))]
    _, excerpt, caret, _ = diagnostics_text(found, source=lambda file, number: line).splitlines()
    assert max(cells(excerpt), cells(caret)) <= 80
    if column <= 300:
        assert excerpt[caret.index("^")] == str(column % 10)


def test_the_caret_stands_right_below_wide_characters() -> None:
    found = [Diagnostic(code="RC1", message="x", span=Span("a", 1, 3))]
    shown = diagnostics_text(found, source=lambda file, number: "名前X").splitlines()
    assert shown[1:3] == ["  1 | 名前X", "    |     ^"]


def test_a_caret_does_not_put_a_log_command_together() -> None:
    found = [Diagnostic(code="RC1", message="x", span=Span("a", 1, 2))]
    assert "##[" not in diagnostics_text(found, source=lambda file, number: "##[error]x")


def test_findings_for_machines() -> None:
    assert json.loads(diagnostics_json(FOUND))[0] == {
        "code": "RC112",
        "message": 'unknown field "titel"',
        "path": "manifests/a.yaml",
        "line": 7,
        "column": 5,
        "severity": "error",
        "hint": 'Did you mean "title"?',
        "address": "WebService/a",
    }
    assert diagnostics_json(()) == "[]\n"
    assert diagnostics_github(FOUND).splitlines()[0] == (
        "::error title=RC112,file=manifests/a.yaml,line=7,col=5::"
        'WebService/a: unknown field "titel"%0Ahelp: Did you mean "title"?'
    )
    rules = json.loads(diagnostics_sarif([Diagnostic(code="RC003", message="x")]))["runs"][0]["tool"]["driver"]["rules"]
    assert rules[0]["shortDescription"] == {"text": "Wrong usage"}
    assert ElementTree.fromstring(diagnostics_junit(FOUND)).attrib["failures"] == "1"
    assert ElementTree.fromstring(diagnostics_junit(())).attrib == {
        "tests": "1",
        "failures": "0",
        "errors": "0",
        "skipped": "0",
    }


def test_json_is_the_plan_itself() -> None:
    plan: dict[str, Any] = PLANS["one-move"]
    assert json.loads(render_plan(plan, "json")) == plan
    from retrainctl.plan.encode import canonical

    assert render_plan(plan, "json").encode() == canonical(plan)

"""Policies and allowed drift as text: what they may say, and where an error is found."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from retrainctl import schemas
from retrainctl.manifest.exemptions import end_of
from retrainctl.manifest.kinds.policy import HANDLER
from retrainctl.manifest.rules import MEMBERS, condition, sentence
from retrainctl.manifest.scope import ExpressionError
from tests.support.project_files import codes, loaded, manifest

ENTRY = {
    "address": "WebService/census",
    "kind": "WebService",
    "change": {
        "actions": ["update"],
        "after": {"tags": {"team": "growth"}},
        "fields": [{"path": ["tags", "team"], "cause": "drift"}, {"path": ["storageAccount", "key"], "secret": True}],
    },
    "model_changes": [{"slot": "s", "from": "census@3", "to": "census@2"}],
    "risks": [{"code": "version-goes-back", "severity": "danger"}, {"code": "not-gated", "severity": "note"}],
}
SCOPE = {"vars": {"team": "growth"}, "environment": "prod"}


def policy(spec: str) -> str:
    return manifest("Policy", "rule", spec)


def test_the_names_are_the_members_of_a_change_in_the_plan() -> None:
    properties = schemas.document("plan")["$defs"]["resourceChange"]["properties"]
    assert set(properties) == MEMBERS
    assert HANDLER.late[("spec", "when")] == MEMBERS | {"resource_change"}


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ("'update' in change.actions", True),
        ("kind == 'WebService' and environment == 'prod'", True),
        ("change.after.tags.team == vars.team", True),
        ("change.after.tags.owner is defined", False),
        ("change.after.title|default('') == ''", True),
        ("'version-goes-back' in risks|map(attribute='code')", True),
        ("risks|selectattr('severity', 'eq', 'danger')|length > 0", True),
        ("risks|rejectattr('severity', 'in', ['danger', 'warning'])|map(attribute='code')|first == 'not-gated'", True),
        ("change.fields|selectattr('secret')|length == 1", True),
        ("change.fields|selectattr('cause', 'undefined')|length == 1", True),
        ("change.fields|map(attribute='cause', default='intent')|list == ['drift', 'intent']", True),
        ("resource_change.address == address", True),
        ("settings.refresh is defined", False),
        ("{{ 'delete' in change.actions }}", False),
    ],
)
def test_when_is_an_expression_over_one_change(when: str, holds: bool) -> None:
    assert condition(when, SCOPE)(ENTRY) is holds


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("risks", "neither true nor false"),
        ("change.actons == ['update']", "no member `actons`"),
        ("risks|map(attribute='level') == []", "no member `level`"),
        ("risks|map('upper') == []", "map needs the name of a member"),
        ("risks|selectattr('code', 'like', 'x')|length == 0", "no test `like`"),
    ],
)
def test_an_expression_without_a_verdict_says_why(when: str, said: str) -> None:
    with pytest.raises(ExpressionError, match=said):
        condition(when, SCOPE)(ENTRY)


def test_a_message_may_name_what_it_is_about() -> None:
    assert sentence("{{ address }} serves {{ model_changes[0].to }}", SCOPE)(ENTRY) == (
        "WebService/census serves census@2"
    )


EXCEPTION = "{address: Endpoint/a, owner: ann, reason: r, expires: 2026-02-30}"


@pytest.mark.parametrize(
    ("spec", "code", "place"),
    [
        ('{level: hard, message: m, when: "kinds == 1"}', "RC122", '"kinds == 1"'),
        ('{level: hard, message: m, when: "kind =="}', "RC121", '"kind =="'),
        ('{level: hard, message: m, when: "f(kind)"}', "RC121", '"f(kind)"'),
        ('{level: hard, message: m, when: "{{ kind }} {{ address }}"}', "RC121", '"{{ kind'),
        ('{level: hard, message: "{{ adress }}", when: "kind == 1"}', "RC122", '"{{ adress'),
        ("{level: soft, message: m, when: kind}", "RC116", "soft"),
        ("{level: hard, message: m}", "RC114", "spec: {level"),
        (
            "{level: hard, message: m, when: kind, exceptions: [{address: Endpoint/a}]}",
            "RC114",
            "{address: Endpoint/a}",
        ),
        (f"{{level: hard, message: m, when: kind, exceptions: [{EXCEPTION}]}}", "RC117", "expires: 2026-02-30"),
    ],
)
def test_a_bad_rule_is_an_error_with_its_place(tmp_path: Path, spec: str, code: str, place: str) -> None:
    text = policy(spec)
    result = loaded(tmp_path, {"manifests/p.yaml": text})
    assert set(codes(result)) == {code}
    assert result.policies == ()
    span = result.diagnostics[0].span
    assert span is not None
    assert text.splitlines()[span.line - 1][span.column - 1 :].startswith(place)


def test_a_rule_may_come_from_a_forEach(tmp_path: Path) -> None:  # noqa: N802 - the member's name
    text = manifest(
        "Policy",
        '"no-{{ item }}"',
        "{level: hard, when: \"item in change.actions\", message: '{{ item }} in {{ environment }}'}",
        "forEach: {list: [delete, create]}",
    )
    result = loaded(tmp_path, {"manifests/p.yaml": text})
    assert result.diagnostics == ()
    assert [one.name for one in result.policies] == ["no-delete", "no-create"]
    first = result.policies[0]
    assert sentence(first.spec["message"], first.scope)(ENTRY) == "delete in local"
    assert condition(first.spec["when"], first.scope)(ENTRY) is False


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("2026-12-31", datetime(2027, 1, 1, tzinfo=UTC)),
        ("2026-12-31T08:00:00Z", datetime(2026, 12, 31, 8, tzinfo=UTC)),
        ("2026-12-31T08:00:00", datetime(2026, 12, 31, 8, tzinfo=UTC)),
        ("2026-12-31T08:00:00+02:00", datetime(2026, 12, 31, 6, tzinfo=UTC)),
    ],
)
def test_a_date_counts_to_its_end(text: str, end: datetime) -> None:
    assert end_of(text) == end


PROJECT = """\
apiVersion: retrainctl/v1
kind: Project
metadata: {{name: test}}
spec:
  environments:
    local:
      emulator: {{}}
      drift:
        allow:
          - {{address: "WebService/*", path: tags.*, owner: ops, reason: cost tags, expires: {expires}}}
"""


def test_allowed_drift_is_part_of_the_environment(tmp_path: Path) -> None:
    result = loaded(tmp_path, {"retrainctl.yaml": PROJECT.format(expires="2026-12-31")})
    assert result.diagnostics == ()
    (allowance,) = result.environment.allowed_drift
    assert (allowance.owner, allowance.path) == ("ops", "tags.*")
    assert allowance.counts(datetime(2026, 12, 31, 23, 59, tzinfo=UTC))
    assert not allowance.counts(datetime(2027, 1, 1, tzinfo=UTC))


def test_allowed_drift_needs_an_owner_and_an_end(tmp_path: Path) -> None:
    text = PROJECT.format(expires="2026-13-01").replace("owner: ops, ", "")
    result = loaded(tmp_path, {"retrainctl.yaml": text})
    assert set(codes(result)) == {"RC114", "RC117"}
    assert {finding.span.line for finding in result.diagnostics if finding.span} == {10}

"""What a plan says once it is read: order, verdict, fields, metrics."""

from __future__ import annotations

from typing import Any

import pytest

from retrainctl.render.metrics import metric_views
from retrainctl.render.read import plan_view
from retrainctl.render.values import changed_fields, pair, path_text
from tests.golden.render.plans import a_change, a_move, a_plan, a_risk


def test_the_riskiest_change_is_first() -> None:
    view = plan_view(
        a_plan(
            [
                a_change("WebService/1-new", ["create"]),
                a_change("WebService/2-quiet"),
                a_change("WebService/3-gone", ["delete"]),
                a_change("WebService/4-warned", risks=[a_risk("x", "warning")]),
                a_change("WebService/5-bad", risks=[a_risk("y", "note"), a_risk("x", "danger")]),
                a_change("WebService/6-again", ["delete", "create"]),
            ]
        )
    )
    assert [change.address[11] for change in view.changes] == ["5", "3", "6", "4", "2", "1"]
    assert [change.dangerous for change in view.changes] == [True, True, True, False, False, False]
    assert view.changes[0].flag == "danger: x"
    assert view.attention == 4


@pytest.mark.parametrize(
    ("plan", "verdict"),
    [
        (a_plan(), "No changes in prod. All 40 declared resources are as they should be."),
        (a_plan(summary={"no_op": 1}), "No changes in prod. The declared resource is as it should be."),
        (a_plan(summary={}), "No changes in prod. There is nothing to do."),
        (
            a_plan(complete=False),
            "No changes in prod. What was looked at is as declared; the plan does not cover everything.",
        ),
        (a_plan([a_change()]), "Plan for prod: 1 change (1 update). No risks seen."),
        (
            a_plan([a_change(actions=["delete"])], applyable=False),
            "Blocked. Plan for prod: 1 change (1 delete). Needs attention: 1 delete.",
        ),
    ],
)
def test_the_verdict_says_it_in_one_line(plan: dict[str, Any], verdict: str) -> None:
    assert plan_view(plan).verdict == verdict


def test_a_plan_of_another_version_is_shown_as_well_as_can_be() -> None:
    view = plan_view({"resource_changes": [{"address": "New/x", "change": {"actions": ["teleport"]}, "future": 1}]})
    assert view.changes[0].action == "teleport"
    assert view.verdict.startswith("Plan for ")
    assert plan_view({}).changes == ()


def test_a_move_is_short_within_one_model() -> None:
    view = plan_view(
        a_plan(
            [
                a_change(
                    moves=[
                        a_move(),
                        a_move(old="income@2"),
                        a_move(old="", from_uri=None),
                        a_move(old="", from_uri=None, knowledge="unknown"),
                    ]
                )
            ]
        )
    )
    shorts = [move.short("->") for move in view.changes[0].moves]
    assert shorts == ["census@6 -> @7", "income@2 -> census@7", "census@7", "(unknown) -> census@7"]
    assert view.changes[0].summary("->") == "census@6 -> @7, income@2 -> census@7, 2 more models"


def test_signed_addresses_lose_their_query() -> None:
    view = plan_view(a_plan([a_change(moves=[a_move(to_uri="https://a/7.ilearner?sv=1&sig=abc")])]))
    assert view.changes[0].moves[0].destination == "https://a/7.ilearner"


def test_an_upload_is_said_in_words_and_not_as_an_unknown_field() -> None:
    move = a_move(to_uri=None, to_file="models/7.ilearner")
    view = plan_view(a_plan([a_change(moves=[move], change={"after_unknown": {"models": True}})]))
    assert view.changes[0].fields == ()
    assert view.changes[0].moves[0].destination == "(uploaded from models/7.ilearner by the apply)"


def test_fields_that_stay_are_counted_and_not_shown() -> None:
    fields, hidden = changed_fields(
        {
            "before": {"title": "A", "tags": {"x": "1", "y": "2"}, "list": [1]},
            "after": {"title": "B", "tags": {"x": "1", "z": None}, "list": [1]},
            "after_unknown": {"modifiedOn": True},
        }
    )
    assert [(f.path, f.before, f.after) for f in fields] == [
        ("modifiedOn", "(not set)", "(known after apply)"),
        ("tags.y", '"2"', "(not set)"),
        ("tags.z", "(not set)", "null"),
        ("title", '"A"', '"B"'),
    ]
    assert hidden == 2


def test_secrets_show_as_hidden_and_tell_same_from_different() -> None:
    fields, hidden = changed_fields(
        {
            "before": {"a": {"$sensitive": "1111"}, "same": {"$sensitive": "2222"}, "bare": "clear"},
            "after": {"a": {"$secret": {"env": "KEY"}}, "same": {"$sensitive": "2222"}, "bare": "text"},
            "before_sensitive": {"a": True, "same": True, "bare": True, "gone": True},
            "after_sensitive": {"a": True, "same": True, "bare": True, "gone": True},
        }
    )
    assert [(f.path, f.before, f.after) for f in fields] == [
        ("a", "(sensitive) #1111", "(secret from env KEY)"),
        ("bare", "(sensitive)", "(sensitive)"),
        ("gone", "(sensitive)", "(sensitive)"),
    ]
    assert hidden == 1


def test_a_hash_is_text_like_any_other() -> None:
    assert pair({"$sensitive": "#[error]x"}, {"$hash": "ab"}) == ("(sensitive) \\x23#[error]x", "(sensitive) #ab")


def test_the_cause_of_a_field_stands_beside_it() -> None:
    fields, _ = changed_fields(
        {
            "before": {"tags": {"x": "1"}, "title": "A"},
            "after": {"tags": {"x": "2"}, "title": "B"},
            "fields": [
                {"path": ["tags"], "cause": "drift", "knowledge": "applied"},
                {"path": ["title"], "cause": "intent"},
            ],
        }
    )
    assert [f.note for f in fields] == ["drift, former value from the ledger", ""]


def test_long_values_show_where_they_differ() -> None:
    old, new = pair("x" * 500 + "OLD" + "y" * 500, "x" * 500 + "NEW" + "y" * 500)
    assert "OLD" in old
    assert "NEW" in new
    assert len(old) < 220
    assert old.endswith("(1,005 characters)")


def test_paths_quote_what_is_no_plain_name() -> None:
    assert path_text(["assets", "Retrain Samp.le", "uri"]) == 'assets["Retrain Samp.le"].uri'
    assert path_text("title") == "title"


def test_metrics_say_the_direction_in_words() -> None:
    old = {"AUC": 0.9, "Mean Absolute Error": 3, "Custom": 1.0, "Same": 2, "Gone": 1}
    new = {"AUC": 0.95, "Mean Absolute Error": 2, "Custom": 0.5, "Same": 2, "New": 1, "Text": "n/a"}
    moves = {metric.name: metric.move for metric in metric_views(old, new)}
    assert moves == {
        "AUC": "up 0.05, better",
        "Mean Absolute Error": "down 1, better",
        "Custom": "down 0.5",
        "Same": "same",
        "New": "new",
        "Text": "",
        "Gone": "",
    }
    assert metric_views(None, {}) == ()

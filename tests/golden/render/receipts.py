"""Receipt documents that every renderer must show well, by name."""

from __future__ import annotations

from typing import Any

from tests.golden.render.plans import HOSTILE, a_move


def a_result(address: str = "WebService/census", outcome: str = "applied", **more: Any) -> dict[str, Any]:
    return {
        "address": address,
        "actions": ["update"],
        "outcome": outcome,
        "verified": "yes" if outcome == "applied" else "not checked",
        "why": "",
        "error": None,
        "conflict": [],
        "operation": None,
        "request_id": None,
        "backup": None,
        "seconds": 3.25,
        "model_changes": [{key: a_move()[key] for key in ("slot", "from", "to")}],
        **more,
    }


def a_receipt(*results: dict[str, Any], outcome: str = "applied", **more: Any) -> dict[str, Any]:
    words = [result["outcome"] for result in results]
    names = ("applied", "failed", "conflicted", "skipped", "in_flight", "unknown", "not_attempted")
    return {
        "format_version": "1.0",
        "run": "20261102-080000-7f3a",
        "environment": "prod",
        "digest": "sha256:9f2c3a5b7d9e1f20314253647586970a1b2c3d4e5f60718293a4b5c6d7e8f901",
        "started": "2026-11-02T08:00:00Z",
        "ended": "2026-11-02T08:00:09Z",
        "outcome": outcome,
        "counts": {
            "planned": len(results),
            **{name: words.count(name) for name in names},
            "verified": sum(result["verified"] == "yes" for result in results),
        },
        "resources": list(results),
        "notes": [],
        "signal": None,
        **more,
    }


def a_hostile_receipt(text: str = HOSTILE) -> dict[str, Any]:
    """A receipt in which the same text stands wherever somebody else can choose one."""
    return a_receipt(
        a_result(
            text,
            "failed",
            error={"code": text, "message": text, "hint": text, "request_id": text},
            conflict=[{"path": text, "planned": text, "now": {text: text}}],
            operation=text,
            backup=text,
            model_changes=[{"slot": text, "from": text, "to": text}],
        ),
        a_result(text, text, verified=text, why=text),
        run=text,
        environment=text,
        digest=text,
        ended=text,
        outcome=text,
        notes=[text],
    )


def receipts() -> dict[str, dict[str, Any]]:
    """Name -> receipt document."""
    moved = [
        {"path": "assets.asset3.locationInfo.uri", "planned": "https://a/6.ilearner", "now": "https://a/5.ilearner"}
    ]
    refused = {
        "code": "RC305",
        "message": "the service refused: BadRequest",
        "hint": "Look at it.",
        "request_id": "r-1",
    }
    return {
        "receipt-applied": a_receipt(a_result(), a_result("WebService/two", verified="sent, not readable")),
        "receipt-nothing": a_receipt(outcome="nothing"),
        "receipt-conflict": a_receipt(
            a_result("WebService/a", backup="run/1"),
            a_result("WebService/b", "conflicted", conflict=moved, why="it is not what the plan was made for"),
            a_result("WebService/c", "failed", error=refused),
            a_result("WebService/d", "not_attempted", why="an earlier wave failed", seconds=0.0),
            outcome="partial",
            notes=["the lease was renewed twice"],
        ),
        "receipt-unverified": a_receipt(a_result(verified="no", conflict=moved), outcome="applied"),
        "receipt-interrupted": a_receipt(
            a_result("WebService/a", "in_flight", operation="https://management.azure.com/operations/1"),
            a_result("WebService/b", "unknown", why="no answer came"),
            a_result("WebService/c", "not_attempted"),
            outcome="interrupted",
        ),
        "receipt-hostile": a_hostile_receipt(),
    }

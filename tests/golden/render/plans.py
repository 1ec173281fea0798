"""Plan and receipt documents that every renderer must show well, by name. Built, not recorded: no reference data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

ARM = "/subscriptions/0000/resourceGroups/rg/providers/Microsoft.MachineLearning/webServices/"
BLOB = "https://acct.blob.core.windows.net/models/"
SIGNATURE = "sig=TOPSECRETsignature0123456789%3D"

HOSTILE = (
    "`` ``` | <script>alert(1)</script> <img src=x onerror=alert(1)> @team #123 org/repo#9 "
    "![x](https://evil.example/p) [click](javascript:alert(1)) https://evil.example www.evil.example "
    "::set-env name=X::y ##vso[task.setvariable variable=a]b ##[error]c \x1b[31mred\x1b[0m "
    "\u202eright to left\u202c \x00 \ufffe \ud800 </details> --> ]]> {{ 7*7 }} {% raw %} &lt;b&gt; :tada: "
    "\u2028 line\nbreak\r\ttab /close ~~~ **bold** _it_ $x$ \\| \\"
)


def a_move(
    slot: str = "Bike [trained model]", old: str = "census@6", new: str = "census@7", **more: Any
) -> dict[str, Any]:
    model, _, version = new.rpartition("@")
    former, _, before = old.rpartition("@")
    return {
        "slot": slot,
        "from": old or None,
        "to": new,
        "from_uri": f"{BLOB}{former}/{before}.ilearner" if old else None,
        "to_uri": f"{BLOB}{model}/{version}.ilearner",
        "from_metrics": {"AUC": 0.905, "Average Log Loss": 0.31} if old else {},
        "to_metrics": {"AUC": 0.913, "Average Log Loss": 0.35, "Rows": 1000},
        "cause": "intent",
        "knowledge": "live",
        "from_sha256": None,
        "to_sha256": "9f2c",
        "to_file": None,
        **more,
    }


def a_risk(
    code: str = "version-goes-back", severity: str = "danger", message: str = "", hint: str | None = None
) -> dict[str, Any]:
    return {"code": code, "severity": severity, "message": message or f"{code.replace('-', ' ')} here", "hint": hint}


def a_change(
    address: str = "WebService/census",
    actions: Sequence[str] = ("update",),
    *,
    before: Any = None,
    after: Any = None,
    moves: Sequence[dict[str, Any]] = (),
    risks: Sequence[dict[str, Any]] = (),
    needs: Sequence[str] = (),
    **more: Any,
) -> dict[str, Any]:
    kind, _, name = address.partition("/")
    return {
        "address": address,
        "kind": kind,
        "target": "arm",
        "identity": ARM + name,
        "change": {
            "actions": list(actions),
            "before": before or {},
            "after": after or {},
            "after_unknown": {},
            "before_sensitive": {},
            "after_sensitive": {},
            "fields": [],
            **more.pop("change", {}),
        },
        "model_changes": list(moves),
        "steps": [],
        "reason": "the manifest asks for it",
        "action_reason": "intent",
        "origin": {"path": "manifests/census.yaml", "line": 9, "column": 3},
        "risks": list(risks),
        "fingerprint": "sha256:1234",
        "requests": [{"method": "PATCH", "path": ARM + name, "body": {"properties": {"title": "New"}}}],
        "after": list(needs),
        "step": {"id": "update", "wait": "provisioningState Succeeded", "check": "GET shows the new model"},
        **more,
    }


def a_plan(changes: Sequence[dict[str, Any]] = (), **more: Any) -> dict[str, Any]:
    words = ["replace" if len(c["change"]["actions"]) == 2 else c["change"]["actions"][0] for c in changes]
    return {
        "format_version": "1.0",
        "retrainctl_version": "0.1.0",
        "digest": "sha256:9f2c3a5b7d9e1f20314253647586970a1b2c3d4e5f60718293a4b5c6d7e8f901",
        "created_at": "2026-11-02T08:00:00Z",
        "environment": "prod",
        "targets": {"arm": "0000/rg"},
        "source": {"commit": "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d", "dirty": False, "manifests": []},
        "summary": {
            **{word: words.count(word) for word in ("create", "update", "delete", "replace")},
            "no_op": 40,
            "drift": len({entry["address"] for entry in more.get("drift", ())}),
            "blocked": len(more.get("blocked", ())),
        },
        "resource_changes": sorted(changes, key=lambda change: change["address"]),
        "drift": [],
        "suppressed": [],
        "policy": [],
        "blocked": [],
        "warnings": [],
        "not_covered": [],
        "complete": True,
        "applyable": True,
        **more,
    }


def an_endpoint_move(number: int, **more: Any) -> dict[str, Any]:
    name = f"bike-rental-{number:04}"
    return a_change(
        f"Endpoint/rentalloc{number:04}",
        moves=[a_move("Bike Rental [trained model]", f"{name}@1", f"{name}@2")],
        origin={"path": "manifests/endpoints.csv", "line": number + 1, "column": 1},
        **more,
    )


def a_hostile_plan(text: str = HOSTILE) -> dict[str, Any]:
    """A plan in which the same text stands wherever somebody else can choose one."""
    return a_plan(
        [
            a_change(
                f"WebService/{text}",
                before={"title": text, text: 1},
                after={"title": text + "!", text: {text: [text]}},
                moves=[a_move(text, f"{text}@1", f"{text}@2", to_metrics={text: text}, cause=text)],
                risks=[a_risk(text, "danger", text, text), a_risk(text, "warning", text)],
                origin={"path": text, "line": 3, "column": 1},
                reason=text,
                action_reason=text,
                needs=[text],
            )
        ],
        environment=text,
        digest=text,
        created_at=text,
        targets={text: text},
        source={"commit": text, "dirty": True, "manifests": []},
        drift=[{"address": text, "path": [text], "before": text, "after": {text: text}}],
        suppressed=[{"address": text, "path": [text, "x"], "reason": text}],
        policy=[{"rule": text, "level": text, "address": text, "message": text, "outcome": "denied"}],
        blocked=[{"guard": text, "message": text, "override": text, "address": text}],
        warnings=[{"code": text, "message": text}],
        not_covered=[text],
        complete=False,
        applyable=False,
    )


def _secrets() -> dict[str, Any]:
    return a_plan(
        [
            a_change(
                before={"storageAccount": {"name": "acct", "key": {"$sensitive": "aaaabbbbcccc"}}, "title": "Same"},
                after={"storageAccount": {"name": "acct", "key": {"$secret": {"env": "STORAGE_KEY"}}}, "title": "Same"},
                moves=[a_move(to_uri=f"{BLOB}census/7.ilearner?sv=2019&{SIGNATURE}", from_uri=f"{BLOB}x?{SIGNATURE}")],
                change={
                    "before_sensitive": {"storageAccount": {"key": True}, "keys": True},
                    "after_sensitive": {"storageAccount": {"key": True}, "keys": True},
                },
            )
        ]
    )


def _many_risks() -> dict[str, Any]:
    return a_plan(
        [
            a_change("WebService/a-quiet", before={"title": "A"}, after={"title": "B"}),
            a_change(
                "WebService/b-danger",
                moves=[a_move(old="census@7", new="census@6")],
                risks=[
                    a_risk("version-goes-back", "danger", 'slot "Bike" goes back from census@7 to census@6'),
                    a_risk(
                        "same-version-other-bytes",
                        "danger",
                        "other bytes than the ones that were applied",
                        "Give it a version.",
                    ),
                    a_risk("metric-worse", "warning", "census@6: AUC gets worse, from 0.913 to 0.905"),
                    a_risk("not-gated", "note", "census@6 has no recorded metrics"),
                ],
            ),
            a_change("WebService/c-gone", ["delete"], before={"title": "A"}, reason="no manifest declares it any more"),
            a_change(
                "WebService/d-new", ["create"], after={"title": "A", "tags": {"team": "growth"}}, moves=[a_move(old="")]
            ),
            a_change(
                "WebService/e-warn",
                after={"title": "A"},
                risks=[a_risk("sas-expires", "warning", "the SAS ends in an hour")],
            ),
            a_change(
                "WebService/f-again",
                ["delete", "create"],
                before={"location": "West Europe"},
                after={"location": "North Europe"},
                reason="a field that cannot change on an existing resource is different",
            ),
        ],
        policy=[
            {
                "rule": "titles",
                "level": "advisory",
                "address": "WebService/a-quiet",
                "message": "say why",
                "outcome": "warned",
            },
            {
                "rule": "regions",
                "level": "hard",
                "address": "WebService/f-again",
                "message": "stay",
                "outcome": "excepted",
            },
        ],
    )


def _wide() -> dict[str, Any]:
    name = "a-very-long-name-of-a-web-service-that-somebody-generated.2016.8.17.0.3.51.237"
    text = "Lorem ipsum dolor sit amet, consectetur adipiscing elit. " * 12
    return a_plan(
        [
            a_change(
                f"WebService/{name}",
                before={"description": text, "tags": {f"t{i}": "same" for i in range(12)}, "名前": "旧"},
                after={
                    "description": text[:300] + "CHANGED " + text[300:],
                    "tags": {f"t{i}": "same" for i in range(12)},
                    "名前": "新しい",
                },
                moves=[a_move(f"slot {i} [trained model]") for i in range(4)],
                risks=[a_risk("a-rather-long-risk-code-that-goes-on", "warning", text[:300])],
                needs=["CommitmentPlan/s1", "WebService/other"],
            ),
            a_change("WebService/全角の名前", after={"title": "ワイド"}),
        ]
    )


def plans() -> dict[str, dict[str, Any]]:
    """Name -> plan document."""
    drifted = {"address": "WebService/census", "path": ["title"], "before": "Ours", "after": "Theirs"}
    return {
        "empty": a_plan(suppressed=[{"address": "WebService/a", "path": ["location"], "reason": "location-form"}]),
        "one-move": a_plan([a_change(moves=[a_move("Retrain Samp.le [trained model]")])]),
        "create": a_plan(
            [
                a_change(
                    "WebService/new",
                    ["create"],
                    after={"location": "South Central US", "tags": {"team": "growth"}, "readOnly": False},
                    moves=[a_move(old="", to_file="models/7.ilearner", to_uri=None)],
                    change={"after_unknown": {"models": True}},
                    reason="it does not exist yet",
                    fingerprint=None,
                    needs=["CommitmentPlan/s1"],
                )
            ]
        ),
        "delete": a_plan(
            [a_change("WebService/old", ["delete"], before={"title": "Old"}, reason="no manifest declares it any more")]
        ),
        "drift": a_plan(
            [
                a_change(
                    before={"title": "Theirs"},
                    after={"title": "Ours"},
                    action_reason="drift",
                    reason="somebody changed it since the last apply",
                    change={"fields": [{"path": ["title"], "cause": "drift"}]},
                )
            ],
            drift=[drifted, {"address": "WebService/census", "path": ["tags", "team"], "after": "x"}],
            suppressed=[
                {"address": "WebService/census", "path": ["location"], "reason": "location-form"},
                {"address": "WebService/census", "path": ["tags"], "reason": "server-default"},
                {"address": "WebService/census", "path": ["readOnly"], "reason": "server-default"},
            ],
        ),
        "blocked": a_plan(
            [a_change(f"WebService/s{i}", ["delete"], before={"title": "Old"}) for i in range(3)],
            blocked=[
                {
                    "guard": "limits.deletes",
                    "message": "3 deletes, the limit is 0",
                    "override": "--allow deletes=3",
                    "address": None,
                },
                {
                    "guard": "protect",
                    "message": "WebService/s* is protected: delete is forbidden",
                    "override": None,
                    "address": "WebService/s1",
                },
            ],
            policy=[
                {
                    "rule": "keep",
                    "level": "hard",
                    "address": "WebService/s0",
                    "message": "never delete",
                    "outcome": "denied",
                }
            ],
            warnings=[{"code": "RC404", "message": "the ledger is empty; everything is judged from what is live"}],
            not_covered=["WebService/elsewhere"],
            complete=False,
            applyable=False,
        ),
        "thousand-moves": a_plan([an_endpoint_move(i) for i in range(1000)]),
        "hostile": a_hostile_plan(),
        "secrets": _secrets(),
        "wide": _wide(),
        "many-risks": _many_risks(),
        "steps": a_plan(
            [
                a_change(
                    "Endpoint/two",
                    moves=[a_move()],
                    steps=[
                        {
                            "id": "patch",
                            "requests": [{"method": "PATCH", "path": "/endpoints/two", "body": {"Resources": []}}],
                            "wait": None,
                            "check": None,
                        },
                        {
                            "id": "refresh",
                            "requests": [{"method": "POST", "path": "/endpoints/two/refresh"}],
                            "wait": "done",
                            "check": "scores",
                        },
                    ],
                )
            ]
        ),
    }

"""Our target against a real emulator process, in every position of the switches for what nobody knows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from retrainctl.apply.outcome import Fate, Result, Verified
from retrainctl.emulator.classic.knobs import KNOBS
from retrainctl.emulator.identity import account_key
from retrainctl.model.change import Action
from retrainctl.model.environment import EMULATOR_LOCATION, EMULATOR_WORKSPACE, ClassicSettings
from retrainctl.model.redaction import Redactor
from retrainctl.model.resource import Desired
from retrainctl.model.values import Secret
from retrainctl.model.versions import ModelVersion
from retrainctl.ports import AuthFailed, Clock, TargetError
from retrainctl.targets.classic.ids import parse
from retrainctl.targets.classic.target import ClassicTarget
from retrainctl.wiring.classic import ClassicParts, at_emulator
from retrainctl.wiring.clock import SystemClock
from retrainctl.wiring.connect import emulator_account_key
from retrainctl.wiring.secrets import BuiltInSecrets
from tests.support.classic_cases import wish
from tests.support.classic_engine import Engine
from tests.support.classic_service import SLOT, ClassicService, make_classic, scoring_definition, seed_classic
from tests.support.emulator_process import Emulator, running

ZWEI = "Zweites Modell (ü) [trained model]"
SETTINGS = ClassicSettings(workspace=EMULATOR_WORKSPACE, location=EMULATOR_LOCATION, token=Secret("-"))
BLOBS = [f"models/{name}.ilearner" for name in ("base", "bike-001-1", "bike-001-2", "bike-002-1", "bike-002-2")]


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with running(tmp_path_factory.mktemp("classic") / "state") as one:
        yield one


@dataclass
class Live:
    """A scoring service in the emulator, its state over raw HTTP, and our side of it."""

    service: ClassicService
    engine: Engine
    redactor: Redactor

    def close(self) -> None:
        self.engine.close()

    @property
    def identifier(self) -> str:
        return self.service.url.rpartition("/")[2]

    def serves(self, name: str, slot: str = SLOT) -> str:
        """What an endpoint really serves: only one position of one switch tells."""
        emulator = self.service.emulator
        before = emulator.control("GET", "status")["faults"].get("classic-echo", "stale")
        emulator.faults(classic_echo="echo")
        shown = next(one for one in self.service.get(name)["Resources"] if one["Name"] == slot)["Location"]
        emulator.faults(classic_echo=before)
        return str(shown["RelativeLocation"])


@pytest.fixture
def live(process: Emulator, tmp_path: Path) -> Iterator[Live]:
    process.control("POST", "reset")
    process.faults(blobs_required=True)
    one = make_live(process, tmp_path)
    yield one
    one.close()
    process.control("DELETE", "faults")


def make_live(emulator: Emulator, folder: Path, **settings: Any) -> Live:
    (folder / "m").mkdir()
    (folder / "m" / "m.bin").write_bytes(b"any bytes")
    seed_classic(emulator, folder / "m", blobs=[{"path": f"acct/{path}", "file": "m.bin"} for path in BLOBS])
    slots = dict.fromkeys((SLOT, ZWEI), "https://acct.blob.core.windows.net/models/base.ilearner")
    service = make_classic(emulator, folder, scoring_definition(slots))
    redactor = Redactor()
    engine = Engine(connect=lambda: connect(emulator, redactor, **settings))
    return Live(service=service, engine=engine, redactor=redactor)


def connect(emulator: Emulator, redactor: Redactor, **settings: Any) -> tuple[ClassicTarget, Clock]:
    clock = SystemClock()
    parts = ClassicParts(
        settings=at_emulator(
            ClassicSettings(workspace=EMULATOR_WORKSPACE, location=EMULATOR_LOCATION, token=Secret("-"), **settings),
            emulator.url,
            Secret(emulator.ready["token"]),
        ),
        storage={},
        secrets=BuiltInSecrets(),
        clock=clock,
        redactor=redactor,
        environ={},
        parallel=4,
        built_in=lambda account: Secret(emulator_account_key(account)),
    )
    return parts.target(), clock


def version(number: int, item: str = "001") -> ModelVersion:
    uri = f"https://acct.blob.core.windows.net/models/bike-{item}-{number}.ilearner"
    return ModelVersion(model=f"bike-{item}", version=number, uri=uri)


def wanted(live: Live, number: int = 1, **more: Any) -> list[Desired]:
    """Two endpoints, the first one with two slots."""
    service = live.identifier
    return [
        wish("one", web_service=service, slots={SLOT: version(number), ZWEI: version(1)}, **more),
        wish("two", web_service=service, slots={SLOT: version(number, "002")}, **more),
    ]


def good(results: list[Result]) -> bool:
    return {(r.fate, r.verified) for r in results} == {(Fate.APPLIED, Verified.NOT_READABLE)}


POSITIONS = [(knob.name, choice) for knob in KNOBS if knob.form == "choice" for choice in knob.choices]


def test_the_built_in_storage_key_is_the_emulators() -> None:
    for account in ("acct", "BikeRentals"):
        assert emulator_account_key(account) == account_key(account)


@pytest.mark.parametrize(("knob", "position"), POSITIONS, ids=lambda part: str(part).removeprefix("classic-"))
def test_endpoints_are_made_moved_refreshed_and_deleted(live: Live, knob: str, position: str) -> None:
    emulator, engine = live.service.emulator, live.engine
    emulator.faults(**{knob.replace("-", "_"): position})
    default = live.service.get("default")

    assert good(engine.run(wanted(live)))
    assert live.serves("one") == "models/bike-001-1.ilearner"
    assert live.serves("one", ZWEI) == "models/bike-001-1.ilearner"
    assert live.serves("two") == "models/bike-002-1.ilearner"
    engine.renew()
    assert engine.plan(wanted(live))[0].no_op == 2

    assert good(engine.run(wanted(live, 2)))
    assert live.serves("two") == "models/bike-002-2.ilearner"
    assert live.serves("one", ZWEI) == "models/bike-001-1.ilearner"
    assert not engine.plan(wanted(live, 2))[0].changes

    live.service.redeploy()
    engine.renew()
    assert not engine.plan(wanted(live, 2))[0].changes, "only default follows a redeployment"
    for field in ("refreshGraph", "refreshAll"):
        results = engine.run(wanted(live, 2, **{field: "done"}))
        assert {r.fate for r in results} == {Fate.APPLIED}, [r.why for r in results]
        assert live.serves("one") == "models/bike-001-2.ilearner"
        assert live.serves("two") == "models/bike-002-2.ilearner"
        assert not engine.plan(wanted(live, 2, **{field: "done"}))[0].changes
        live.service.redeploy()
        engine.renew()

    gone = engine.plan(wanted(live, 2))[0]
    assert not gone.changes
    unchanged = ("Resources", "Description", "ThrottleLevel", "MaxConcurrentCalls")
    assert {name: live.service.get("default")[name] for name in unchanged} == {n: default[n] for n in unchanged}


@pytest.mark.parametrize(("knob", "position"), POSITIONS, ids=lambda part: str(part).removeprefix("classic-"))
def test_settings_are_made_and_changed_or_it_is_said(live: Live, knob: str, position: str) -> None:
    emulator, engine = live.service.emulator, live.engine
    emulator.faults(**{knob.replace("-", "_"): position})
    high = {} if position == "Free" else {"ThrottleLevel": "High", "MaxConcurrentCalls": 30}
    first: dict[str, Any] = {"Description": 'mit "Ümlaut"', **high}

    assert {r.fate for r in engine.run(wanted(live, **first))} == {Fate.APPLIED}
    assert live.service.get("one")["Description"] == 'mit "Ümlaut"'
    engine.renew()
    assert not engine.plan(wanted(live, **first))[0].changes, "what the service tunes is no difference"

    second = {**first, "Description": "neu", "DiagnosticsTraceLevel": "All"}
    results = engine.run(wanted(live, **second))
    if position == "ignored" and knob == "classic-patch-fields":
        assert {(r.fate, r.verified) for r in results} == {(Fate.APPLIED, Verified.NO)}
    elif position == "rejected":
        assert {r.fate for r in results} == {Fate.FAILED}
    else:
        assert {r.fate for r in results} == {Fate.APPLIED}
        assert (live.service.get("two")["Description"], live.service.get("two")["DiagnosticsTraceLevel"]) == (
            "neu",
            "All",
        )
        assert not engine.plan(wanted(live, **second))[0].changes


@pytest.mark.parametrize("position", ["ignored", "rejected"])
def test_where_settings_cannot_be_patched_models_still_can(process: Emulator, tmp_path: Path, position: str) -> None:
    process.control("POST", "reset")
    process.faults(classic_patch_fields=position)
    live = make_live(process, tmp_path, field_updates="refuse")
    assert good(live.engine.run(wanted(live)))
    _, findings = live.engine.plan(wanted(live, Description="new"))
    assert {finding.code for finding in findings} == {"RC374"}
    assert good(live.engine.run(wanted(live, 2)))
    live.close()
    process.control("DELETE", "faults")


@pytest.mark.parametrize("status", ["400", "403", "404", "409"])
def test_what_the_service_refuses_is_told_by_the_catalogue(live: Live, status: str) -> None:
    live.service.emulator.faults(classic_refusal_status=status)
    live.engine.run(wanted(live))
    missing = ModelVersion(model="m", version=1, uri="https://acct.blob.core.windows.net/models/none.ilearner")
    (result,) = live.engine.run([wish("one", web_service=live.identifier, slots={SLOT: missing})])
    assert result.fate is Fate.FAILED
    assert result.error is not None
    assert result.error.code == "RC380"
    assert "(T6)" in (result.error.hint or "")
    assert result.request_id
    assert live.serves("one") == "models/bike-001-1.ilearner"


def test_the_catalogue_also_tells_what_is_refused_at_plan_time_when_it_is_sent_all_the_same(live: Live) -> None:
    classic = live.engine.classic
    place = parse(f"/workspaces/{EMULATOR_WORKSPACE}/webservices/{live.identifier}/endpoints/default")
    for call in (
        lambda: classic.client.patch_endpoint(place, {"Resources": []}, call="patch"),
        lambda: classic.client.refresh_endpoint(place, {"OverwriteResources": "False"}),
        lambda: classic.client.delete_endpoint(place),
    ):
        with pytest.raises(TargetError) as caught:
            call()
        assert caught.value.code == "RC363"


def test_a_free_workspace_says_no_before_and_after(process: Emulator, tmp_path: Path) -> None:
    process.control("POST", "reset")
    process.faults(classic_tier="Free")
    live = make_live(process, tmp_path)
    many = [wish(f"e{n}", web_service=live.identifier) for n in range(4)]
    results = live.engine.run(many)
    assert [r.fate for r in results].count(Fate.FAILED) == 2
    assert {r.error.code for r in results if r.error is not None} == {"RC367"}
    told = make_live_again(live, tier="Free")
    _, findings = told.plan(many)
    assert {finding.code for finding in findings} == {"RC367"}
    told.close()
    live.close()
    process.control("DELETE", "faults")


def make_live_again(live: Live, **settings: Any) -> Engine:
    return Engine(connect=lambda: connect(live.service.emulator, Redactor(), **settings))


def test_a_token_of_another_workspace_is_a_401_with_the_cause(live: Live) -> None:
    live.engine.classic.client.workspace = "0123456789abcdef0123456789abcdef"
    with pytest.raises(AuthFailed) as caught:
        live.engine.plan([wish("one", web_service=live.identifier)])
    assert caught.value.code == "RC382"
    assert "(T5)" not in caught.value.message
    assert "region" in (caught.value.hint or "")


def test_faults_of_the_network_lose_nothing(live: Live) -> None:
    """Answers lost after the write, 429 and 5xx: every endpoint ends with its model, or is planned again."""
    emulator, engine = live.service.emulator, live.engine
    engine.run(wanted(live))
    emulator.faults(drop_after="every:3,PATCH", throttle="every:4")
    engine.run(wanted(live, 2))
    emulator.faults(drop_after="never", throttle="never")
    engine.renew()
    plan, _ = engine.plan(wanted(live, 2))
    engine.apply(plan)
    assert live.serves("one") == "models/bike-001-2.ilearner"
    assert live.serves("two") == "models/bike-002-2.ilearner"
    assert not engine.plan(wanted(live, 2))[0].changes


def test_creation_and_first_model_are_four_calls_a_later_model_three(live: Live) -> None:
    emulator, engine = live.service.emulator, live.engine
    for number, expected in ((1, 2 * 4), (2, 2 * 3)):
        plan, _ = engine.plan(wanted(live, number))
        assert {change.action for change in plan.changes} == {Action.CREATE if number == 1 else Action.UPDATE}
        emulator.control("DELETE", "counters")
        engine.apply(plan)
        paths = emulator.control("GET", "counters")["paths"]
        assert sum(entry["requests"] for entry in paths.values()) == expected

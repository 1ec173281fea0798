"""Generated definitions and manifests against the emulator: plan after apply is empty, nothing foreign is lost."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrainctl.apply.outcome import Fate
from retrainctl.definition.document import proper
from retrainctl.definition.normalise import normalise
from retrainctl.definition.slots import slots
from retrainctl.ledger.ledger import Ledger
from retrainctl.ledger.local import LocalLedgerStore
from retrainctl.ledger.records import Who
from retrainctl.manifest.load import Loaded
from retrainctl.model.address import Address
from retrainctl.model.environment import (
    EMULATOR_LOCATION,
    EMULATOR_RESOURCE_GROUP,
    EMULATOR_SUBSCRIPTION,
    ArmSettings,
    EmulatorSettings,
    Environment,
    Project,
)
from retrainctl.model.redaction import Redactor
from retrainctl.model.resource import Desired
from retrainctl.model.versions import ModelLine, ModelVersion
from retrainctl.operations.applying import ApplyOptions, Surroundings, apply_plan, check
from retrainctl.operations.planning import PlanOptions, make_plan
from retrainctl.plan.decode import decode
from retrainctl.plan.encode import encode
from retrainctl.plan.plan import Source
from retrainctl.wiring.clock import SystemClock
from retrainctl.wiring.connect import Outside, hasher, online, resolver
from tests.support import definitions
from tests.support.emulator_process import Emulator, running
from tests.support.memory import Silent

EXAMPLES = 1000 if os.environ.get("RETRAINCTL_FULL") else 100
GROUP = f"/subscriptions/{EMULATOR_SUBSCRIPTION}/resourceGroups/{EMULATOR_RESOURCE_GROUP}"
BASE = f"{GROUP}/providers/Microsoft.MachineLearning/webServices"


class Workshop:
    """Everything of one environment, over one emulator; a new ledger for each example."""

    def __init__(self, emulator: Emulator, root: Path) -> None:
        self.emulator, self.root, self.number = emulator, root, 0
        arm = ArmSettings(
            subscription=EMULATOR_SUBSCRIPTION, resource_group=EMULATOR_RESOURCE_GROUP, location=EMULATOR_LOCATION
        )
        self.environment = Environment(name="local", arm=arm, emulator=EmulatorSettings(state=emulator.state))
        self.project = Project(name="p", root=root, file=root / "retrainctl.yaml", manifests=())
        self.outside = Outside(environ={}, clock=SystemClock(), redactor=Redactor(), parallel=2)
        self.targets = online(self.project, self.environment, self.outside)
        self.secrets = resolver(self.project, self.environment, self.outside)

    def fresh(self) -> tuple[str, Ledger]:
        self.number += 1
        store = LocalLedgerStore(self.root / f"ledger-{self.number}")
        return f"svc-{self.number}", Ledger(store, environment="local", clock=SystemClock())

    def plan(self, desired: Desired, models: dict[str, ModelLine], ledger: Ledger) -> Any:
        return make_plan(
            Loaded(project=self.project, environment=self.environment, desired=(desired,), models=models),
            self.targets,
            ledger.applied(),
            PlanOptions(),
            observer=Silent(),
            secret_hash=hasher(self.secrets, "local"),
            source=Source(),
            created_at="2026-11-20T00:00:00Z",
            version="0",
        ).plan

    def apply(self, plan: Any, ledger: Ledger) -> Any:
        document = encode(plan)
        around = Surroundings(
            environment=self.environment,
            targets=self.targets,
            ledger=ledger,
            resolver=self.secrets,
            secret_hash=hasher(self.secrets, "local"),
            clock=SystemClock(),
            observer=Silent(),
            who=Who(user="t", host="h"),
            version="0",
            entropy=secrets.token_bytes(6),
        )
        check(decode(document), document, ApplyOptions(), around)
        return apply_plan(decode(document), document, ApplyOptions(), around)[0]

    def get(self, name: str) -> dict[str, Any]:
        answer = self.emulator.http.get(f"{BASE}/{name}", params={"api-version": "2017-01-01"})
        return answer.json()

    def put(self, name: str, document: dict[str, Any]) -> None:
        """A live service that somebody else made, from a generated definition."""
        body = {**document, "location": EMULATOR_LOCATION}
        body["properties"] = {
            **body["properties"],
            "storageAccount": {"name": "acct", "key": "a2V5a2V5a2V5"},
            "commitmentPlan": {"id": f"{BASE.replace('webServices', 'commitmentPlans')}/plan1"},
        }
        params = {"api-version": "2017-01-01"}
        answer = self.emulator.http.put(f"{BASE}/{name}", params=params, json=body)
        assert answer.status_code in (200, 201), answer.text
        self.emulator.finished(answer)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    root = tmp_path_factory.mktemp("workshop")
    with running(root / "state") as emulator:
        emulator.faults(**{"op-seconds": "0", "op-polls": "0"})
        params = {"api-version": "2016-05-01-preview"}
        plan = {"location": "southcentralus", "sku": {"name": "S1", "tier": "Standard", "capacity": 1}}
        emulator.http.put(f"{BASE.replace('webServices', 'commitmentPlans')}/plan1", params=params, json=plan)
        made = Workshop(emulator, root)
        yield made
        made.targets.writers["arm"].client.pipeline.close()


def foreign_of(document: Any) -> Any:
    """What a write may never touch: every member but the model references and what manifests declared here."""
    properties = {k: v for k, v in document["properties"].items() if k not in ("title", "modifiedOn", "description")}
    assets = {
        key: {**asset, "locationInfo": {k: v for k, v in asset.get("locationInfo", {}).items() if k != "uri"}}
        for key, asset in properties.get("assets", {}).items()
        if isinstance(asset, dict)
    }
    return {**properties, "assets": assets}


@pytest.mark.timeout(3600)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)
@given(
    document=definitions.definitions(preview=False),
    wishes=st.fixed_dictionaries(
        {},
        optional={
            "title": st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=10),
            "tags": st.dictionaries(st.sampled_from(["team", "x", "ö"]), st.sampled_from(["a", "b"]), max_size=2),
            "realtimeConfiguration": st.fixed_dictionaries({"maxConcurrentCalls": st.integers(4, 200)}),
            "diagnostics": st.fixed_dictionaries({"level": st.sampled_from(["None", "Error", "All"])}),
        },
    ),
    numbers=st.lists(st.integers(1, 4), min_size=8, max_size=8),
)
def test_plan_after_apply_is_empty(
    workshop: Workshop, document: dict[str, Any], wishes: dict[str, Any], numbers: list[int]
) -> None:
    name, ledger = workshop.fresh()
    workshop.put(name, document)
    before = workshop.get(name)
    versions = tuple(
        ModelVersion(model="m", version=n, uri=f"https://acct.blob.core.windows.net/m/{n}.ilearner")
        for n in range(1, 5)
    )
    models = {"m": ModelLine(name="m", versions=versions)}
    chosen = {slot: versions[n - 1] for slot, n in zip(slots(proper(before)), numbers, strict=False)}
    desired = Desired(
        address=Address("WebService", name),
        place={"name": name, "resourceGroup": EMULATOR_RESOURCE_GROUP},
        fields=wishes,
        slots=chosen,
    )
    receipt = workshop.apply(workshop.plan(desired, models, ledger), ledger)
    assert {result.fate for result in receipt.results} <= {Fate.APPLIED}
    assert not receipt.unverified
    again = workshop.plan(desired, models, ledger)
    assert again.changes == (), SimpleNamespace(changes=encode(again)["resource_changes"])
    after = workshop.get(name)
    if not {"diagnostics", "realtimeConfiguration"} & wishes.keys():
        assert normalise(proper({"properties": foreign_of(after)})) == normalise(
            proper({"properties": foreign_of(before)})
        )

"""What the tests of the `arm` target share: a target over the fake wire, a small service, changes to it."""

from __future__ import annotations

from typing import Any

from retrainctl.definition.observe import observe
from retrainctl.diagnostics import Span
from retrainctl.model.address import Address
from retrainctl.model.change import Action, FieldChange, ModelChange, ResourceChange
from retrainctl.model.environment import ArmSettings
from retrainctl.model.resource import Desired, Observed
from retrainctl.model.values import MISSING, Secret, SecretRef
from retrainctl.model.versions import ModelVersion
from retrainctl.ports import SecretUnavailable
from retrainctl.targets.arm.client import ArmClient
from retrainctl.targets.arm.operations import Patience
from retrainctl.targets.arm.planner import ArmPlanner
from retrainctl.targets.arm.target import ArmTarget
from tests.support.wire import ARM, Reply, Script, Wire, auth, wire

SUB = "00000000-0000-0000-0000-000000000001"
SETTINGS = ArmSettings(subscription=SUB, resource_group="rg", location="South Central US")
SLOT = "Census [trained model]"
SERVICE = Address("WebService", "census")
PLAN = Address("CommitmentPlan", "s1")
PROVIDER = f"/subscriptions/{SUB}/resourceGroups/rg/providers/Microsoft.MachineLearning"
SERVICE_ID = f"{PROVIDER}/webServices/census"
PLAN_ID = f"{PROVIDER}/commitmentPlans/s1"
SPAN = Span("manifests/census.yaml", 7, 12)
STATUS_PATH = f"/subscriptions/{SUB}/providers/Microsoft.MachineLearning/locations/southcentralus/operationsStatus/0f0f"
STATUS = f"{ARM}{STATUS_PATH}?api-version=2017-01-01"
STARTED = {"Azure-AsyncOperation": STATUS}


def uri(version: int) -> str:
    return f"https://acct.blob.core.windows.net/models/census/{version}.ilearner"


def document(**properties: Any) -> dict[str, Any]:
    """A service as GET shows it, with members that nobody knows at every depth."""
    return {
        "id": SERVICE_ID,
        "name": "census",
        "type": "Microsoft.MachineLearning/webServices",
        "location": "South Central US",
        "tags": {"team": "growth", "owner": "me"},
        "properties": {
            "packageType": "Graph",
            "title": "Census",
            "provisioningState": "Succeeded",
            "modifiedOn": "2026-11-19T00:00:00Z",
            "newThing": {"kept": True},
            "storageAccount": {"name": "acct"},
            "realtimeConfiguration": {"maxConcurrentCalls": 20, "unheardOf": 1},
            "assets": {
                "asset1": {
                    "name": SLOT,
                    "type": "Resource",
                    "unheardOf": [1, 2.5],
                    "locationInfo": {"uri": uri(1), "credentials": "", "unheardOf": None},
                    "outputPorts": {"Results dataset": {"type": "Dataset"}},
                },
                "asset2": {
                    "name": "Transform",
                    "type": "Resource",
                    "locationInfo": {
                        "uri": "https://acct.blob.core.windows.net/t/x.itransform?sv=1&sig=LIVESIGNATURE",
                        "credentials": "LIVECREDENTIAL",
                    },
                },
            },
            "package": {
                "nodes": {
                    "n1": {"assetId": "asset1"},
                    "n2": {
                        "assetId": "asset2",
                        "parameters": {
                            "Account Key": {"value": "LIVECIPHERTEXT", "certificateThumbprint": "AB12"},
                            "Fraction": {"value": "0.5", "certificateThumbprint": ""},
                        },
                    },
                },
                "edges": [{"sourceNodeId": "n1", "targetNodeId": "n2"}],
                "graphParameters": {},
            },
            **properties,
        },
    }


def seen(**properties: Any) -> Observed:
    return observe(SERVICE, SERVICE_ID, document(**properties))


def version(number: int, **more: Any) -> ModelVersion:
    more.setdefault("uri", uri(number))
    return ModelVersion(model="census", version=number, **more)


def move(to: int = 2, slot: str = SLOT, **more: Any) -> ModelChange:
    after = more.pop("after", None) or version(to)
    more.setdefault("to_uri", after.uri)
    return ModelChange(slot=slot, before=version(1), after=after, from_uri=uri(1), span=SPAN, **more)


def field(path: str, after: Any, before: Any = MISSING, **more: Any) -> FieldChange:
    return FieldChange(path=tuple(path.split(".")), before=before, after=after, **more)


def change(*entries: FieldChange | ModelChange, action: Action = Action.UPDATE, **more: Any) -> ResourceChange:
    more.setdefault("address", SERVICE)
    more.setdefault("identity", PLAN_ID if more["address"].kind == "CommitmentPlan" else SERVICE_ID)
    return ResourceChange(
        target="arm",
        action=action,
        fields=tuple(e for e in entries if isinstance(e, FieldChange)),
        models=tuple(e for e in entries if isinstance(e, ModelChange)),
        **more,
    )


def desired(address: Address = SERVICE, **fields: Any) -> Desired:
    return Desired(
        address=address,
        place={"name": address.name, "resourceGroup": "rg"},
        fields=fields,
        slots=fields.pop("slots", {}),
        origin=Span("manifests/census.yaml", 1, 1),
        spans={("models", SLOT): SPAN, ("realtimeConfiguration",): Span("manifests/census.yaml", 9, 3)},
    )


class FixedSecrets:
    """Resolves `env:X` to `secret of X`, except what is `missing`."""

    def __init__(self, *missing: str) -> None:
        self.missing = missing
        self.asked: list[SecretRef] = []

    def resolve(self, reference: SecretRef) -> Secret:
        self.asked.append(reference)
        if reference.name in self.missing:
            raise SecretUnavailable(
                f"the environment variable {reference.name} is not set", hint=f"Set {reference.name}"
            )
        return Secret(f"secret of {reference.name}")


PLANNER = ArmPlanner(settings=SETTINGS, environment="prod")


def client(line: Wire, patience: Patience | None = None, api_version: str = "2017-01-01") -> ArmClient:
    return ArmClient(
        pipeline=line.pipeline, endpoint=ARM, subscription=SUB, auth=auth(), patience=patience, api_version=api_version
    )


def target(
    script: Script | list[Reply | Exception], secrets: FixedSecrets | None = None, **more: Any
) -> tuple[ArmTarget, Wire]:
    line = wire(script)
    made = ArmTarget(client=client(line), planner=PLANNER, secrets=secrets or FixedSecrets(), **more)
    return made, line


def running() -> Reply:
    return Reply(200, {"id": STATUS_PATH, "name": "0f0f", "status": "Provisioning", "percentComplete": 0.6})


def ended(status: str = "Succeeded", **more: Any) -> Reply:
    return Reply(200, {"id": STATUS_PATH, "name": "0f0f", "status": status, "percentComplete": 0.888, **more})

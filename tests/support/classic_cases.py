"""What the tests of the `classic` target share: a workspace over the fake wire, endpoints, changes to them."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

from retrainctl.diagnostics import Span
from retrainctl.model.address import Address
from retrainctl.model.change import Action, FieldChange, ModelChange, ResourceChange
from retrainctl.model.environment import ClassicSettings
from retrainctl.model.resource import Desired
from retrainctl.model.values import MISSING, Secret
from retrainctl.model.versions import ModelVersion
from retrainctl.targets.azure.retry import RetryRules
from retrainctl.targets.classic.client import ClassicClient
from retrainctl.targets.classic.defaults import Defaults
from retrainctl.targets.classic.planner import ClassicPlanner
from retrainctl.targets.classic.sas import BlobTokens
from retrainctl.targets.classic.target import ClassicTarget
from tests.support.classic_estate import EXPERIMENT, NAME, SERVICE, SLOT, WORKSPACE, endpoint, resource, service
from tests.support.wire import Call, Reply, Wire, auth, wire

HOST = "https://management.azureml.net"
SETTINGS = ClassicSettings(workspace=WORKSPACE, location="South Central US", token=Secret("canary-token-0123456789"))
KEY = "bmV2ZXIgYSByZWFsIGtleQ=="
REDEPLOYED = EXPERIMENT.removesuffix(".1") + ".2"
SPAN = Span("locations.csv", 2, 5)


@dataclass
class Workspace:
    """The management API in memory, as documented; what is not documented can be switched.

    absent: answer to a GET of an endpoint that is not there. written: answer to writes. shows: what GET tells of a
    patched model: the `new` location, the `old` one, or `none`.
    """

    services: list[dict[str, Any]] = field(default_factory=lambda: [service()])
    endpoints: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    models: dict[tuple[str, str, str], str] = field(default_factory=dict)
    absent: int = 204
    written: int = 200
    shows: str = "old"
    refuse: dict[str, Reply] = field(default_factory=dict)
    made: int = 0

    def __post_init__(self) -> None:
        for one in self.services:
            self.endpoints.setdefault(one["Id"], {"default": endpoint("default", WebServiceId=one["Id"])})

    def add(self, name: str, service_id: str = SERVICE, **more: Any) -> dict[str, Any]:
        made = endpoint(name, **more)
        self.endpoints[service_id][name] = made
        return made

    def __call__(self, call: Call) -> Reply:
        assert call.url.startswith(f"{HOST}/workspaces/{WORKSPACE}/webservices"), call.url
        parts = [unquote(part) for part in call.path.split("/")[3:]]
        if not parts:
            return Reply(200, self.services) if self.services else Reply(204)
        found = next((one for one in self.services if one["Id"] == parts[0]), None)
        if found is None:
            return Reply(404, {"error": {"code": "NotFound", "message": "no", "details": []}})
        if len(parts) == 1:
            return Reply(200, found)
        listed = self.endpoints[parts[0]]
        if len(parts) == 2:
            return Reply(200, list(listed.values())) if listed else Reply(204)
        return self._endpoint(call, listed, parts[0], parts[2], refresh=len(parts) == 4)

    def _endpoint(self, call: Call, listed: dict[str, Any], service_id: str, name: str, *, refresh: bool) -> Reply:
        live = listed.get(name)
        if call.method == "GET":
            return Reply(200, live) if live is not None else Reply(self.absent)
        if (refused := self.refuse.get(name)) is not None:
            return refused
        if call.method == "PUT":
            self.made += 1
            default = listed["default"]
            listed[name] = endpoint(
                name,
                Description=call.body["Description"] or "",
                ThrottleLevel=call.body["ThrottleLevel"],
                MaxConcurrentCalls=(call.body["MaxConcurrentCalls"] or 20)
                if call.body["ThrottleLevel"] == "High"
                else 4,
                PreventUpdate=call.body["PreventUpdate"],
                WebServiceId=service_id,
                ApiLocation=f"{default['ApiLocation']}-{self.made}",
                ExperimentLocation=default["ExperimentLocation"],
                Resources=copy.deepcopy(default["Resources"]),
            )
            return Reply(self.written, listed[name])
        if live is None:
            return Reply(404, {"error": {"code": "NotFound", "message": "there is no such endpoint"}})
        if call.method == "DELETE":
            del listed[name]
            return Reply(self.written)
        if refresh:
            return self._refresh(call, listed, live, service_id, name)
        for member in ("Description", "ThrottleLevel", "MaxConcurrentCalls", "DiagnosticsTraceLevel"):
            if member in call.body:
                live[member] = call.body[member]
        if live["ThrottleLevel"] == "Low":
            live["MaxConcurrentCalls"] = 4
        for one in call.body.get("Resources", ()):
            self._patch(live, one, service_id, name)
        return Reply(self.written)

    def _refresh(self, call: Call, listed: dict[str, Any], live: dict[str, Any], service_id: str, name: str) -> Reply:
        default = listed["default"]
        overwrite = call.body["OverwriteResources"] == "True"
        if overwrite:
            for one in default["Resources"]:
                self.models.pop((service_id, name, one["Name"]), None)
        elif live["ExperimentLocation"] == default["ExperimentLocation"]:
            return Reply(304)
        live["ExperimentLocation"] = default["ExperimentLocation"]
        return Reply(self.written)

    def _patch(self, live: dict[str, Any], given: dict[str, Any], service_id: str, name: str) -> None:
        shown = next(one for one in live["Resources"] if one["Name"] == given["Name"])
        location = given["Location"]
        self.models[service_id, name, given["Name"]] = f"{location['BaseLocation']}{location['RelativeLocation']}"
        if self.shows == "new":
            shown["Location"] = dict(location)
        elif self.shows == "none":
            shown.pop("Location", None)

    def serves(self, name: str, slot: str = SLOT, service_id: str = SERVICE) -> str | None:
        """What an endpoint really serves; None: the experiment's own model."""
        return self.models.get((service_id, name, slot))


def tokens(line: Wire, **more: Any) -> BlobTokens:
    more.setdefault("given", lambda account: None)
    more.setdefault("signer", lambda account: Secret(KEY))
    return BlobTokens(clock=line.clock, **more)


def target(
    script: Any, *, settings: ClassicSettings = SETTINGS, rules: RetryRules | None = None, **more: Any
) -> tuple[ClassicTarget, Wire]:
    line = wire(script, hosts=(HOST,), suffixes=(".blob.core.windows.net",), rules=rules)
    client = ClassicClient(pipeline=line.pipeline, management=HOST, workspace=WORKSPACE, auth=auth)
    made = ClassicTarget(
        client=client,
        planner=ClassicPlanner(settings=settings),
        token=tokens(line, **more).token,
        defaults=Defaults(client),
    )
    return made, line


def version(number: int = 1, model: str = "bike-001", **more: Any) -> ModelVersion:
    more.setdefault("uri", f"https://bikerentals.blob.core.windows.net/models/{model}-{number}.ilearner")
    return ModelVersion(model=model, version=number, **more)


def wish(name: str = "rentalloc001", *, web_service: str = NAME, address: str | None = None, **more: Any) -> Desired:
    """An endpoint that is wanted; `slots` as versions, other members as fields."""
    slots = more.pop("slots", {})
    return Desired(
        address=Address("Endpoint", address or name),
        place={"webService": web_service, "name": name, "workspace": WORKSPACE},
        fields=more,
        slots=slots,
        origin=Span("locations.csv", 2, 1),
        spans={("models", slot): SPAN for slot in slots},
    )


def identity(name: str = "rentalloc001", service_id: str = SERVICE) -> str:
    return f"/workspaces/{WORKSPACE}/webservices/{service_id}/endpoints/{name}"


def move(to: ModelVersion | None = None, slot: str = SLOT, **more: Any) -> ModelChange:
    after = to or version(2)
    more.setdefault("before", None)
    more.setdefault("from_uri", None)
    return ModelChange(slot=slot, after=after, to_uri=after.uri, span=SPAN, **more)


def changed(path: str, after: Any, before: Any = MISSING) -> FieldChange:
    return FieldChange(path=(path,), before=before, after=after)


def change(
    *entries: FieldChange | ModelChange, action: Action = Action.UPDATE, name: str = "rentalloc001", **more: Any
) -> ResourceChange:
    more.setdefault("identity", identity(name))
    return ResourceChange(
        address=Address("Endpoint", name),
        target="classic",
        action=action,
        fields=tuple(e for e in entries if isinstance(e, FieldChange)),
        models=tuple(e for e in entries if isinstance(e, ModelChange)),
        **more,
    )


HOUR = timedelta(hours=1)

__all__ = [
    "EXPERIMENT",
    "HOST",
    "HOUR",
    "KEY",
    "NAME",
    "REDEPLOYED",
    "SERVICE",
    "SETTINGS",
    "SLOT",
    "SPAN",
    "WORKSPACE",
    "Workspace",
    "change",
    "changed",
    "endpoint",
    "identity",
    "move",
    "resource",
    "service",
    "target",
    "tokens",
    "version",
    "wish",
]

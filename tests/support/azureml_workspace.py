"""A workspace of Azure Machine Learning in memory, with the rules that matter: it stands where the client stands.

It refuses what the service refuses, and looks at itself after every write, so that a test can say what must never be.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from retrainctl.model.environment import AzuremlSettings
from retrainctl.model.redaction import Redactor
from retrainctl.ports import Conflict, NotFound, Outcome, Performed, Rejected

SETTINGS = AzuremlSettings(
    subscription="00000000-0000-0000-0000-000000000001",
    resource_group="local",
    workspace="local",
    location="South Central US",
)
SCOPE = SETTINGS.scope
_VARIABLES = {"AZUREML_ENTRY_SCRIPT": "score.py", "AML_APP_ROOT": "/var/azureml-app/Online"}


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Workspace:
    """Resources by id. `kill_at`: the number of the write before or after which the process ends (`after_write`)."""

    store: dict[str, dict[str, Any]] = field(default_factory=dict)
    models: set[str] = field(default_factory=set)
    calls: list[tuple[str, str]] = field(default_factory=list)
    failing: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    kill_at: int = 0
    after_write: bool = False
    writes: int = 0
    clock: int = 0
    scored: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    pipeline: Any = field(default_factory=lambda: SimpleNamespace(redactor=Redactor()))
    operations: Any = field(
        default_factory=lambda: SimpleNamespace(settle=lambda *_: Performed(outcome=Outcome.UNKNOWN))
    )

    # As AzuremlClient

    @property
    def workspace_id(self) -> str:
        return SCOPE

    def get(self, path: str, pause: Callable[[float], None] | None = None) -> Any:
        self.calls.append(("GET", path))
        if "/models/" in path:
            return {"id": path} if path in self.models else None
        found = self.store.get(path.casefold())
        return copy.deepcopy(found)

    def list(self, path: str, **query: str) -> Iterator[Any]:
        self.calls.append(("LIST", path))
        depth = len(path.split("/")) + 1
        for key, item in sorted(self.store.items()):
            if key.startswith(path.casefold() + "/") and len(key.split("/")) == depth:
                yield copy.deepcopy(item)

    def start(self, method: str, path: str, body: Any = None, pause: Any = None) -> Any:
        self.calls.append((method, path))
        self.writes += 1
        if self.writes == self.kill_at and not self.after_write:
            raise Killed
        if method == "DELETE":
            self._delete(path)
        else:
            self._put(path, copy.deepcopy(body))
        self._look()
        if self.writes == self.kill_at:
            raise Killed
        return SimpleNamespace(method=method, path=path)

    def finish(self, start: Any, path: str, waiter: Any) -> Performed:
        waiter.sent(None, "request-1")
        state = self.store.get(path.casefold(), {}).get("properties", {}).get("provisioningState")
        if start.method == "PUT" and state == "Failed":
            error = Rejected("the operation ended failed with ResourceNotReady", code="RC325", status=200)
            return Performed(outcome=Outcome.FAILED, error=error)
        return Performed(outcome=Outcome.DONE, request_id="request-1")

    def logs(self, deployment: str, container: str = "InferenceServer", tail: int = 60) -> str:
        return "User container has crashed"

    def score(self, endpoint: Any, request: Any, deployment: str | None = None, pause: Any = None) -> Any:
        name = deployment or max(endpoint["properties"]["traffic"], key=endpoint["properties"]["traffic"].get)
        if name in self.silent:
            raise Rejected("the model container answered 502", status=424)
        self.scored.append(name)
        return [{"Scored Labels": "yes"}]

    # What the service does

    def _put(self, path: str, body: dict[str, Any]) -> None:
        parts = path.split("/")
        properties = body["properties"]
        online = "onlineEndpoints" in path
        if "deployments" in parts:
            self._put_deployment(path, parts, body, online=online)
            return
        former = self.store.get(path.casefold())
        if online:
            shares = {**properties.get("traffic", {}), **properties.get("mirrorTraffic", {})}
            there = {key.rpartition("/")[2] for key in self.store if key.startswith(f"{path.casefold()}/deployments/")}
            if lost := [name for name in shares if name.casefold() not in there]:
                raise Rejected(f"traffic for {lost}, which is not there", status=400)
            if sum(properties.get("traffic", {}).values()) not in (0, 100):
                raise Rejected("the traffic does not add up", status=400)
            properties.setdefault("traffic", {})
            properties.setdefault("mirrorTraffic", {})
            properties |= {"scoringUri": f"https://{parts[-1]}.local.inference.ml.azure.com/score", "swaggerUri": None}
        properties["properties"] = {
            **properties.get("properties", {}),
            "azureml.onlineendpointid": path.lower(),
            "AzureAsyncOperationUri": "https://management.azure.com/operation",
        }
        properties.setdefault("description", None)
        properties.setdefault("publicNetworkAccess", "Enabled")
        properties["provisioningState"] = "Succeeded"
        self._keep(path, body, former, "Managed")

    def _put_deployment(self, path: str, parts: list[str], body: dict[str, Any], *, online: bool) -> None:
        owner = "/".join(parts[:-2])
        if owner.casefold() not in self.store:
            raise NotFound("the endpoint is not there", status=404)
        former = self.store.get(path.casefold())
        properties = body["properties"]
        if online:
            if former is not None:
                properties["instanceType"] = former["properties"]["instanceType"]  # silently ignored
            properties.setdefault("instanceType", "Standard_F4s_v2")
            properties["environmentVariables"] = {
                **properties.get("environmentVariables", {}),
                **_VARIABLES,
                "AZUREML_MODEL_DIR": str(properties.get("model")),
            }
            properties.setdefault("scaleSettings", {"scaleType": "Default"})
            properties.setdefault("livenessProbe", {"period": "PT10S", "initialDelay": "PT10S"})
            properties["requestSettings"] = {
                "maxQueueWait": "PT0S",
                "requestTimeout": "PT5S",
                "maxConcurrentRequestsPerInstance": 1,
                **properties.get("requestSettings", {}),
            }
            body["sku"] = {"tier": "Standard", "capacity": 3, **body.get("sku", {})}
        properties["provisioningState"] = "Failed" if parts[-1] in self.failing else "Succeeded"
        self._keep(path, body, former, "Managed")

    def _keep(self, path: str, body: dict[str, Any], former: dict[str, Any] | None, kind: str) -> None:
        self.clock += 1
        made = former["systemData"]["createdAt"] if former is not None else f"2026-11-21T00:00:00.{self.clock:06}"
        body.setdefault("tags", {})
        name = path.rpartition("/")[2]
        self.store[path.casefold()] = {
            **body,
            "id": path.replace("resourceGroups", "resourcegroups"),
            "name": name,
            "kind": kind,
            "systemData": {"createdAt": made},
        }

    def _delete(self, path: str) -> None:
        key = path.casefold()
        if key not in self.store:
            raise NotFound("not there", status=404)
        owner, _, name = key.rpartition("/deployments/")
        if owner and "onlineendpoints" in owner:
            traffic = self.store[owner]["properties"]["traffic"]
            if any(share for one, share in traffic.items() if one.casefold() == name):
                raise Conflict(f"{name} has traffic", status=409)
        for one in [one for one in self.store if one == key or one.startswith(f"{key}/")]:
            del self.store[one]

    def _look(self) -> None:
        """What must never be: live traffic on what is missing or not ready; traffic lost once there was some."""
        for key, item in self.store.items():
            if "/deployments/" in key or "onlineendpoints" not in key:
                continue
            for name, share in item["properties"]["traffic"].items():
                state = self.store.get(f"{key}/deployments/{name.casefold()}", {}).get("properties", {})
                if share and state.get("provisioningState") != "Succeeded":
                    self.problems.append(f"{share} % on {name}, which is {state.get('provisioningState')}")

    def traffic(self, endpoint: str) -> dict[str, int]:
        found = self.store[f"{SCOPE}/onlineEndpoints/{endpoint}".casefold()]["properties"]["traffic"]
        return {name: share for name, share in found.items() if share}

    def deployments(self, endpoint: str) -> dict[str, str]:
        """Name to the model that it serves."""
        prefix = f"{SCOPE}/onlineEndpoints/{endpoint}/deployments/".casefold()
        return {
            item["name"]: str(item["properties"].get("model")).rpartition("/")[2]
            for key, item in self.store.items()
            if key.startswith(prefix)
        }

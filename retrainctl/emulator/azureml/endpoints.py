"""Online and batch endpoints with their deployments: every write is asynchronous (azureml-v2.md sections 2 to 5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from retrainctl.emulator.azureml.defaults import defaults, identity, kind_mark, normalised, sku
from retrainctl.emulator.azureml.polling import Polling
from retrainctl.emulator.azureml.requests import Requests
from retrainctl.emulator.azureml.workspace import LOCATION, PATTERN, Provider, Workspace, user_error, view
from retrainctl.emulator.exchange import Answer, Call
from retrainctl.emulator.operations import EffectFailed, Operation
from retrainctl.emulator.resources import Resource
from retrainctl.emulator.routing import Route

COLLECTIONS: Final = ("onlineEndpoints", "batchEndpoints")
BUSY: Final = frozenset({"Creating", "Updating", "Deleting", "Scaling"})
_WRITE: Final = "azureml.write"
_DELETE: Final = "azureml.delete"
_MOST_MIRRORED: Final = 50


class Endpoints:
    """The handlers of all four types."""

    def __init__(self, workspace: Workspace, polling: Polling, requests: Requests, dialect: Provider) -> None:
        self._workspace = workspace
        self._resources = workspace.frame.resources
        self._operations = workspace.frame.operations
        self._polling = polling
        self._requests = requests
        self._dialect = dialect
        self._operations.define(_WRITE, self._written, self._left)
        self._operations.define(_DELETE, self._gone, self._left)

    def routes(self) -> Iterable[Route]:
        here = self._workspace
        for collection in COLLECTIONS:
            endpoint = f"{PATTERN}/{collection}/{{endpoint}}"
            deployment = endpoint + "/deployments/{deployment}"
            for methods, pattern, handler in (
                ("GET", f"{PATTERN}/{collection}", here.list),
                ("GET", endpoint, here.get),
                ("PUT", endpoint, self._put),
                ("PATCH", endpoint, self._patch),
                ("DELETE", endpoint, self._delete),
                ("GET", endpoint + "/deployments", here.list),
                ("GET", deployment, here.get),
                ("PUT", deployment, self._put),
                ("PATCH", deployment, self._patch),
                ("DELETE", deployment, self._delete),
            ):
                yield Route(methods=methods, pattern=pattern, handler=here.scoped(handler), dialect=self._dialect)

    def make(self, identifier: str, wish: Mapping[str, Any]) -> Resource:
        """A finished endpoint or deployment, without waiting, for a seed."""
        self._begin(identifier, wish)
        resource = self._workspace.find(identifier)
        self._finish(resource, wish)
        return resource

    def make_traffic(self, identifier: str, traffic: Mapping[str, int]) -> None:
        """The traffic of a seed's endpoint. Raises `Refusal` as a PUT would."""
        self._check_traffic(identifier, {"traffic": traffic})
        self._finish(self._workspace.find(identifier), {"properties": {"traffic": traffic}})

    def _put(self, call: Call) -> Answer:
        """201 for a creation and for an update; an update's answer still shows what was before (R22)."""
        wish = call.json()
        deployment = "deployment" in call.params
        before = self._resources.get(call.path)
        if deployment:
            self._check_parent(call.path)
        else:
            self._check_traffic(call.path, wish.get("properties") or {})
        if before is None:
            self._begin(call.path, wish)
        shown = self._workspace.find(call.path)
        operation = self._operations.start(call, _WRITE, call.path, LOCATION, wish)
        self._mark(shown, "Creating" if before is None and not _is_batch(call.path, deployment) else "Updating")
        bag = shown.body["properties"].setdefault("properties", {})
        kind = kind_mark(call.path)
        if kind != "bdbes":
            bag["AzureAsyncOperationUri"] = self._polling.address(call, operation.id, kind)
        self._resources.put(shown)
        headers = [*self._polling.headers(call, operation, kind), ("Location", f"{call.base}{call.target}")]
        headers.append(("x-ms-response-type", "standard"))
        if deployment:
            headers.append(("x-ms-ratelimit-remaining-subscription-resource-requests", "24"))
        body = _skeleton(shown) if before is None and kind == "oeidp" else view(shown)
        return Answer(status=201, body=body, headers=headers, wrote=operation.id)

    def _patch(self, call: Call) -> Answer:
        """Tags, and a deployment's instance count or an endpoint's identity; nothing else is taken (section 3)."""
        found, wish = self._workspace.find(call.path), call.json()
        taken = {name: wish[name] for name in ("tags", "sku", "identity") if name in wish}
        operation = self._operations.start(call, _WRITE, call.path, LOCATION, taken)
        self._mark(found, "Updating")
        self._resources.put(found)
        location = self._polling.signed(call, operation.id, kind_mark(call.path), "mfeOperationResults")
        return Answer(status=202, headers=[("Location", location), *self._polling.retry_after()], wrote=operation.id)

    def _delete(self, call: Call) -> Answer:
        found = self._resources.get(call.path)
        if found is None:
            return Answer(status=204)
        if "deployment" in call.params:
            parent = self._workspace.find(call.path.rpartition("/deployments/")[0]).body["properties"]
            if (parent.get("traffic") or {}).get(found.name):
                # The rule is documented, its wording and status are a guess.
                raise user_error(f"Deployment {found.name} has live traffic and cannot be deleted.")
        operation = self._operations.start(call, _DELETE, call.path, LOCATION, None)
        self._mark(found, "Deleting")
        self._resources.put(found)
        headers = self._polling.headers(call, operation, kind_mark(call.path), result=True)
        return Answer(status=202, body=None, headers=headers, wrote=operation.id)

    def _check_parent(self, identifier: str) -> None:
        parent = self._workspace.find(identifier.rpartition("/deployments/")[0])
        state = parent.body["properties"]["provisioningState"]
        if state in BUSY:
            raise user_error(
                f"Cannot create a deployment in endpoint {parent.name} because it is in {state} provisioning state."
            )

    def _check_traffic(self, identifier: str, wish: Mapping[str, Any]) -> None:
        """What is documented of traffic; the service's own words are not known (section 14)."""
        traffic, mirror = (_shares(wish.get(name)) for name in ("traffic", "mirrorTraffic"))
        if sum(traffic.values()) not in (0, 100):
            raise user_error("The sum of the traffic values must be 0 or 100.")
        for name in (*traffic, *mirror):
            if self._resources.get(f"{identifier}/deployments/{name}") is None:
                raise user_error(f"The traffic names the deployment {name}, which does not exist.")
        if len(mirror) > 1 or any(share > _MOST_MIRRORED for share in mirror.values()):
            raise user_error("Traffic can be mirrored to one deployment, at most 50 percent.")
        if traffic.keys() & mirror.keys():
            raise user_error("A deployment receives either live or mirrored traffic.")

    def _begin(self, identifier: str, wish: Mapping[str, Any]) -> None:
        """The skeleton of a creation: defaults filled in, addresses still null."""
        given = {name: value for name, value in (wish.get("properties") or {}).items() if name != "keys"}
        properties = {**defaults(identifier), **{n: v for n, v in given.items() if v is not None}}
        if "/deployments/" not in identifier:
            properties |= {"traffic": {}, "mirrorTraffic": {}} if "onlineEndpoints" in identifier else {}
        head: dict[str, Any] = {"tags": wish.get("tags") or {}}
        head["location"] = str(wish.get("location") or LOCATION).replace(" ", "").lower()
        if not _is_batch(identifier, "/deployments/" in identifier):
            head["kind"] = "Managed"
        if "/deployments/" in identifier and "onlineEndpoints" in identifier:
            head["sku"] = sku(wish.get("sku"))
        properties["properties"] = dict(properties.get("properties") or {})
        made = self._workspace.save(identifier, head, {**normalised(properties), "provisioningState": "Creating"})
        if keys := (wish.get("properties") or {}).get("keys"):
            made.secret = {"keys": {name: value for name, value in keys.items() if value}}
            self._resources.put(made)

    def _mark(self, resource: Resource, state: str) -> None:
        resource.body["properties"]["provisioningState"] = state

    def _written(self, operation: Operation) -> None:
        found = self._resources.get(operation.subject)
        if found is not None:
            self._finish(found, operation.arguments)

    def _finish(self, found: Resource, wish: Mapping[str, Any]) -> None:
        """Puts the wish in place. Raises `EffectFailed`, the row as it was but for its state, which `_left` sets."""
        head = dict(found.head)
        if "tags" in wish:
            head["tags"] = wish["tags"] or {}
        if wish.get("identity"):
            head["identity"] = identity(wish["identity"])
        if wish.get("sku") is not None:
            head["sku"] = sku(wish["sku"])
        before = found.body["properties"]
        given = {name: value for name, value in (wish.get("properties") or {}).items() if name != "keys"}
        properties = {**before, **{name: value for name, value in given.items() if name != "instanceType"}}
        for name in ("traffic", "mirrorTraffic"):
            if name in given:
                properties[name] = _shares(given[name])
        properties["properties"] = {**(before.get("properties") or {}), **(given.get("properties") or {})}
        if "/deployments/" in found.id:
            self._check_model(properties)
            if not _is_batch(found.id, True):
                properties["environmentVariables"] = _variables(properties)
        else:
            properties |= _addresses(found)
            properties["properties"]["azureml.onlineendpointid"] = found.id.lower()
        self._workspace.save(found.id, head, {**normalised(properties), "provisioningState": "Succeeded"})

    def _check_model(self, properties: Mapping[str, Any]) -> None:
        """A model that does not exist is told by the operation, not by the first answer (section 5.1, a guess)."""
        given = properties.get("model")
        given = given.get("assetId") if isinstance(given, Mapping) else given
        if isinstance(given, str) and given.startswith("/") and self._resources.get(given) is None:
            shown = "/".join(given.split("/")[9:])
            raise EffectFailed(
                "BadArgument", f"Model {shown} not found.", (("ResourceNotFound", f"{shown} not found"),)
            )

    def _left(self, operation: Operation, state: str) -> None:
        """After a failure, a cancellation, or a success without any effect (a fault)."""
        found = self._resources.get(operation.subject)
        if found is not None:
            self._mark(found, state)
            self._resources.put(found)

    def _gone(self, operation: Operation) -> None:
        """With an endpoint go all its deployments."""
        self._resources.delete(operation.subject)
        self._requests.forget(operation.subject)


def _shares(given: Any) -> dict[str, int]:
    return {str(name): int(share) for name, share in (given or {}).items() if share}


def _skeleton(made: Resource) -> dict[str, Any]:
    """What the first answer shows of a new online endpoint: not where it is, who it is and who made it (R24)."""
    return {name: value for name, value in view(made).items() if name != "location"} | {"systemData": {}}


def _is_batch(identifier: str, deployment: bool) -> bool:
    """A batch deployment is `Updating` from the start (R23)."""
    return deployment and "/batchEndpoints/" in identifier


def _addresses(endpoint: Resource) -> dict[str, str | None]:
    base = f"https://{endpoint.name}.{LOCATION}.inference.ml.azure.com"
    if "/batchEndpoints/" in endpoint.id:
        return {"scoringUri": f"{base}/jobs", "swaggerUri": None}
    return {"scoringUri": f"{base}/score", "swaggerUri": f"{base}/swagger.json"}


def _variables(properties: Mapping[str, Any]) -> dict[str, Any]:
    """With the three that the service adds after success (R24)."""
    given = dict(properties.get("environmentVariables") or {})
    model = properties.get("model")
    if isinstance(model, str) and "/models/" in model:
        name, _, version = model.partition("/models/")[2].partition("/versions/")
        given["AZUREML_MODEL_DIR"] = f"/var/azureml-app/azureml-models/{name}/{version}"
    code = properties.get("codeConfiguration")
    if isinstance(code, Mapping):
        given |= {"AZUREML_ENTRY_SCRIPT": code.get("scoringScript"), "AML_APP_ROOT": "/var/azureml-app"}
    return given

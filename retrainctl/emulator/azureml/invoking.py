"""Keys, and scoring as the front door of an endpoint does it (azureml-v2.md section 9)."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import uuid4

from retrainctl.emulator.azureml.models import Models
from retrainctl.emulator.azureml.workspace import PATTERN, SCOPE, Provider, Workspace
from retrainctl.emulator.exchange import Answer, Call, Refusal
from retrainctl.emulator.resources import Resource
from retrainctl.emulator.routing import Route

DEPLOYMENT: Final = "azureml-model-deployment"
_ENDPOINT: Final = PATTERN + "/onlineEndpoints/{endpoint}"
_KEPT: Final = 32


class FrontDoor:
    """How the data plane speaks; keys belong to an endpoint, so the handler checks them."""

    faulty = True

    def admit(self, call: Call) -> None:
        del call

    def decorate(self, call: Call, answer: Answer) -> list[tuple[str, str]]:
        del call
        return [("Server", "azureml-frontdoor"), ("X-Request-ID", str(uuid4())), *answer.headers]

    def refuse(self, call: Call, refusal: Refusal) -> Answer:
        del call
        error = {"code": refusal.code, "message": str(refusal)}
        return Answer(status=refusal.status, body={"error": error}, headers=refusal.headers)


class Invoking:
    """The handlers. Models stay loaded as long as their bytes are the same."""

    def __init__(self, workspace: Workspace, models: Models, dialect: Provider) -> None:
        self._workspace = workspace
        self._models = models
        self._dialect = dialect
        self._chance = random.Random(0)  # noqa: S311 - shares out requests
        self._loaded: dict[str, Any] = {}

    def routes(self) -> Iterable[Route]:
        scoped = self._workspace.scoped
        for action, handler in (("listKeys", self._keys), ("token", self._token)):
            yield Route(methods="POST", pattern=f"{_ENDPOINT}/{action}", handler=scoped(handler), dialect=self._dialect)
        yield Route(methods="POST", pattern="/inference/{endpoint}/score", handler=self._score, dialect=FrontDoor())

    def _keys(self, call: Call) -> Answer:
        """Two nulls where the endpoint uses no keys (R25)."""
        endpoint = self._workspace.find(call.path.rpartition("/")[0])
        if endpoint.body["properties"]["authMode"].lower() != "key":
            return Answer(body={"primaryKey": None, "secondaryKey": None})
        return Answer(body={"primaryKey": key(endpoint.name, 1), "secondaryKey": key(endpoint.name, 2)})

    def _token(self, call: Call) -> Answer:
        endpoint = self._workspace.find(call.path.rpartition("/")[0])
        now = int(self._workspace.frame.clock.now())
        body = {
            "accessToken": key(endpoint.name, 0),
            "tokenType": "Bearer",
            "expiryTimeUtc": now + 86_400,
            "refreshAfterTimeUtc": now + 43_200,
        }
        return Answer(body=body)

    def _score(self, call: Call) -> Answer:
        endpoint = self._workspace.frame.resources.get(f"{SCOPE}/onlineEndpoints/{call.params['endpoint']}")
        if endpoint is None:
            raise Refusal(404, "NotFound", "There is no such endpoint.")
        self._admit(call, endpoint)
        deployment = self._deployment(call, endpoint)
        rows = _rows(call.json())
        headers = [(DEPLOYMENT, deployment.name), ("x-ms-run-function-failed", "False"), ("x-ms-run-fn-exec-ms", "1")]
        return Answer(body=self._run(deployment, rows), headers=headers)

    def _admit(self, call: Call, endpoint: Resource) -> None:
        scheme, _, given = call.headers.get("authorization", "").partition(" ")
        mode = endpoint.body["properties"]["authMode"].lower()
        wanted = {"key": (1, 2), "amltoken": (0,)}.get(mode, ())
        known = given in [key(endpoint.name, number) for number in wanted]
        if mode == "aadtoken":
            known = self._workspace.frame.identity.accepts(given)
        if scheme.lower() != "bearer" or not known:
            raise Refusal(401, "Unauthorized", "The credentials of this endpoint are missing or wrong.")

    def _deployment(self, call: Call, endpoint: Resource) -> Resource:
        """The one that the header names, whatever its share; else one by the shares."""
        named = call.headers.get(DEPLOYMENT)
        shares = endpoint.body["properties"].get("traffic") or {}
        if named is None and shares:
            named = self._chance.choices(list(shares), weights=list(shares.values()))[0]
        found = None if named is None else self._workspace.frame.resources.get(f"{endpoint.id}/deployments/{named}")
        if found is None:
            raise Refusal(404, "NotFound", "No deployment takes this request.")
        if found.body["properties"]["provisioningState"] in ("Creating", "Failed"):
            raise Refusal(404, "NotFound", f"Deployment {found.name} is not ready.")
        return found

    def _run(self, deployment: Resource, rows: list[dict[str, Any]]) -> list[dict[str, object]]:
        from retrainctl.ilearner.errors import IlearnerError

        try:
            return list(self._scorer(deployment).score(rows))
        except IlearnerError as error:
            told = [("ms-azureml-model-error-statuscode", "400"), ("ms-azureml-model-error-reason", "model_error")]
            raise Refusal(424, "ModelError", str(error), headers=told) from error

    def _scorer(self, deployment: Resource) -> Any:
        from retrainctl.ilearner.scorer import load_scorer

        identifier = str(deployment.body["properties"].get("model"))
        model = self._workspace.frame.resources.get(identifier)
        uri = "" if model is None else str(model.body["properties"]["modelUri"])
        data = self._models.file(uri, "model.onnx") or self._models.file(uri)
        if data is None:
            raise Refusal(424, "ModelError", f"The files of {identifier.partition('/models/')[2]} are not there.")
        digest = hashlib.sha256(data).hexdigest()
        if digest not in self._loaded:
            if len(self._loaded) >= _KEPT:
                self._loaded.clear()
            self._loaded[digest] = load_scorer(data)
        return self._loaded[digest]


def key(endpoint: str, number: int) -> str:
    """The same on every machine, and therefore no secret; 0 is the token."""
    return hashlib.sha256(f"retrainctl emulator|{endpoint.lower()}|{number}".encode()).hexdigest()


def _rows(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of an MLflow request: a table with its columns, or a list of objects."""
    given = body.get("input_data", body.get("dataframe_split", body.get("dataframe_records")))
    if isinstance(given, list) and all(isinstance(row, dict) for row in given):
        return given
    columns, data = (given.get(name) for name in ("columns", "data")) if isinstance(given, Mapping) else (None, None)
    if not isinstance(columns, list) or not isinstance(data, list):
        raise Refusal(424, "ModelError", "The request must have input_data with columns and data.")
    if any(not isinstance(row, list) or len(row) != len(columns) for row in data):
        raise Refusal(424, "ModelError", f"Every row must have {len(columns)} values.")
    return [dict(zip(columns, row, strict=True)) for row in data]

"""Scoring as the front door of an endpoint does it, live and mirrored (azureml-v2.md sections 5.3 and 9)."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import uuid4

from retrainctl.emulator.azureml.keys import Keys
from retrainctl.emulator.azureml.requests import LIVE, MIRRORED, Requests
from retrainctl.emulator.azureml.serving import ModelFailed, Serving
from retrainctl.emulator.azureml.workspace import SCOPE, Workspace
from retrainctl.emulator.exchange import Answer, Call, Refusal
from retrainctl.emulator.resources import Resource
from retrainctl.emulator.routing import Route

DEPLOYMENT: Final = "azureml-model-deployment"
_UNREADY: Final = frozenset({"Creating", "Failed", "Deleting"})
_MODEL_FAILED: Final = 424


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
    """The handlers."""

    def __init__(self, workspace: Workspace, serving: Serving, keys: Keys, requests: Requests) -> None:
        self._workspace = workspace
        self._serving = serving
        self._keys = keys
        self._requests = requests
        self._chance = random.Random(0)  # noqa: S311 - shares out requests
        self._mirrored: dict[str, int] = {}

    def routes(self) -> Iterable[Route]:
        yield Route(methods="POST", pattern="/inference/{endpoint}/score", handler=self._score, dialect=FrontDoor())

    def _score(self, call: Call) -> Answer:
        endpoint = self._workspace.frame.resources.get(f"{SCOPE}/onlineEndpoints/{call.params['endpoint']}")
        if endpoint is None:
            raise Refusal(404, "NotFound", "There is no such endpoint.")
        self._admit(call, endpoint)
        deployment = self._deployment(call, endpoint)
        self._mirror(call, endpoint)
        scores = self._run(deployment, call)
        headers = [(DEPLOYMENT, deployment.name), ("x-ms-run-function-failed", "False"), ("x-ms-run-fn-exec-ms", "1")]
        return Answer(body=scores, headers=headers, media="application/json")

    def _admit(self, call: Call, endpoint: Resource) -> None:
        scheme, _, given = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self._keys.accepts(endpoint, given):
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
        if found.body["properties"]["provisioningState"] in _UNREADY:
            raise Refusal(404, "NotFound", f"Deployment {found.name} is not ready.")
        return found

    def _mirror(self, call: Call, endpoint: Resource) -> None:
        """Sends a copy to the mirrored deployment; nobody hears its answer, good or bad.

        Not for requests that name a deployment. Of a hundred others exactly as many are copied as the map says,
        evenly; the real service draws them.
        """
        shares = endpoint.body["properties"].get("mirrorTraffic") or {}
        if DEPLOYMENT in call.headers or not shares:
            return
        (name, percent), *_ = shares.items()
        turn = self._mirrored.get(endpoint.key, 0) + percent
        self._mirrored[endpoint.key] = turn % 100
        found = self._workspace.frame.resources.get(f"{endpoint.id}/deployments/{name}")
        if turn < 100 or found is None or found.body["properties"]["provisioningState"] in _UNREADY:
            return
        try:
            self._serving.run(found, _rows(call.json()))
        except (ModelFailed, Refusal):
            self._requests.answered(found, MIRRORED, _MODEL_FAILED)
        else:
            self._requests.answered(found, MIRRORED, 200)

    def _run(self, deployment: Resource, call: Call) -> list[dict[str, object]]:
        try:
            scores = self._serving.run(deployment, _rows(call.json()))
        except ModelFailed as error:
            self._requests.answered(deployment, LIVE, _MODEL_FAILED)
            told = [("ms-azureml-model-error-statuscode", "400"), ("ms-azureml-model-error-reason", "model_error")]
            raise Refusal(_MODEL_FAILED, "ModelError", str(error), headers=told) from error
        self._requests.answered(deployment, LIVE, 200)
        return scores


def _rows(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of an MLflow request: a table with its columns, or a list of objects. Raises `ModelFailed`."""
    given = body.get("input_data", body.get("dataframe_split", body.get("dataframe_records")))
    if isinstance(given, list) and all(isinstance(row, dict) for row in given):
        return given
    columns, data = (given.get(name) for name in ("columns", "data")) if isinstance(given, Mapping) else (None, None)
    if not isinstance(columns, list) or not isinstance(data, list):
        raise ModelFailed("The request must have input_data with columns and data.")
    if any(not isinstance(row, list) or len(row) != len(columns) for row in data):
        raise ModelFailed(f"Every row must have {len(columns)} values.")
    return [dict(zip(columns, row, strict=True)) for row in data]

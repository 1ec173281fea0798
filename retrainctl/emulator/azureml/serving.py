"""The models behind deployments: loaded once, run on rows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from retrainctl.emulator.azureml.models import Models
from retrainctl.emulator.azureml.workspace import Workspace
from retrainctl.emulator.resources import Resource

_KEPT: Final = 32


class ModelFailed(Exception):
    """The model could not be run on what it was given; the text says why."""


class Serving:
    """Models stay loaded as long as their bytes are the same."""

    def __init__(self, workspace: Workspace, models: Models) -> None:
        self._workspace = workspace
        self._models = models
        self._loaded: dict[str, Any] = {}

    def run(self, deployment: Resource, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, object]]:
        """The scores of the deployment's model, a mapping per row. Raises `ModelFailed`."""
        from retrainctl.ilearner.errors import IlearnerError

        scorer = self._scorer(deployment)
        try:
            return list(scorer.score(rows))
        except IlearnerError as error:
            raise ModelFailed(str(error)) from error

    def _scorer(self, deployment: Resource) -> Any:
        from retrainctl.ilearner.errors import IlearnerError
        from retrainctl.ilearner.scorer import load_scorer

        given = deployment.body["properties"].get("model")
        identifier = str(given.get("assetId") if isinstance(given, Mapping) else given)
        model = self._workspace.frame.resources.get(identifier)
        uri = "" if model is None else str(model.body["properties"]["modelUri"])
        data = self._models.file(uri, "model.onnx") or self._models.file(uri)
        if data is None:
            raise ModelFailed(f"The files of {identifier.partition('/models/')[2]} are not there.")
        digest = hashlib.sha256(data).hexdigest()
        if digest not in self._loaded:
            if len(self._loaded) >= _KEPT:
                self._loaded.clear()
            try:
                self._loaded[digest] = load_scorer(data)
            except IlearnerError as error:
                raise ModelFailed(str(error)) from error
        return self._loaded[digest]

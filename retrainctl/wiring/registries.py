"""Where an environment's targets keep models: who registers a version before a service points at it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from retrainctl.model.environment import Environment, Project
from retrainctl.model.versions import ModelVersion
from retrainctl.ports import BlobStore, ModelRegistry
from retrainctl.wiring.connect import Outside

if TYPE_CHECKING:
    from retrainctl.targets.azureml.registry import AzuremlRegistry


def model_registries(
    project: Project, environment: Environment, outside: Outside, store: BlobStore
) -> dict[str, ModelRegistry]:
    """The registries by target; nothing is imported and nobody asked before a version has to be registered."""
    if environment.azureml is None:
        return {}
    return {"azureml": _Late(project, environment, outside, store)}


class _Late:
    """A workspace's registry (implements `ModelRegistry`), made for the first version that needs it."""

    def __init__(self, project: Project, environment: Environment, outside: Outside, store: BlobStore) -> None:
        self._where = project, environment, outside
        self._store = store
        self._lock = threading.Lock()
        self._made: AzuremlRegistry | None = None

    def bring(self, version: ModelVersion, identity: str, path: Path | None) -> str | None:
        with self._lock:
            self._made = self._made or self._make()
        return self._made.bring(version, identity, path)

    def _make(self) -> AzuremlRegistry:
        from retrainctl.targets.azureml.registry import AzuremlRegistry
        from retrainctl.wiring.connect import azureml_target

        target = azureml_target(*self._where)
        assert target is not None
        return AzuremlRegistry(workspace=target.client, store=self._store)

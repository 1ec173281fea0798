"""An endpoint of Azure Machine Learning v2 as it is called, of either kind: found by name, or refused."""

from __future__ import annotations

from typing import ClassVar

from retrainctl.ports import NotFound
from retrainctl.targets.azureml.client import AzuremlClient, value_of


class WorkspaceEndpoint:
    """Thread-safe. endpoint: its name. deployment: the one to call; None: as the endpoint itself says.

    KIND: in sentences and, with `Endpoints` behind it, in addresses.
    """

    KIND: ClassVar[str]

    def __init__(self, client: AzuremlClient, endpoint: str, deployment: str | None = None) -> None:
        """Raises `NotFound` (RC640) when the workspace has no such endpoint."""
        self._client = client
        self._endpoint = endpoint
        self._deployment = deployment
        self._identity = f"{client.workspace_id}/{self.KIND}Endpoints/{endpoint}"
        document = client.get(self._identity)
        if document is None:
            raise NotFound(
                f'there is no {self.KIND} endpoint "{endpoint}"',
                code="RC640",
                hint="An apply creates the declared ones; `retrainctl plan` shows what is missing.",
                sent=False,
            )
        self._document = document

    @property
    def name(self) -> str:
        return f'"{self._endpoint}"'

    @property
    def location(self) -> str:
        """Where it is called; empty while it has no address."""
        return str(value_of(self._document, "properties", "scoringUri") or "")

    @property
    def identity(self) -> str:
        return self._identity

"""The room of Azure Machine Learning v2 put together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from retrainctl.emulator.azureml.endpoints import Endpoints
from retrainctl.emulator.azureml.invoking import Invoking
from retrainctl.emulator.azureml.jobs import Jobs
from retrainctl.emulator.azureml.keys import Keys
from retrainctl.emulator.azureml.knobs import KNOBS
from retrainctl.emulator.azureml.models import Models
from retrainctl.emulator.azureml.polling import Polling
from retrainctl.emulator.azureml.requests import Requests
from retrainctl.emulator.azureml.seeding import Seeding
from retrainctl.emulator.azureml.serving import Serving
from retrainctl.emulator.azureml.workspace import PATTERN, Provider, Workspace
from retrainctl.emulator.frame import Frame, Section
from retrainctl.emulator.knobs import Knob
from retrainctl.emulator.routing import Route


class AzuremlRoom:
    """The workspace `local`: control plane and scoring. Its files are in the Blob room."""

    name = "azureml"
    tables = ""
    knobs: tuple[Knob, ...] = KNOBS

    def enter(self, frame: Frame) -> None:
        self._dialect = Provider(frame)
        self._workspace = Workspace(frame)
        self._polling = Polling(frame, self._dialect)
        self._models = Models(self._workspace, self._dialect)
        self._requests = Requests(self._workspace, self._dialect)
        self._endpoints = Endpoints(self._workspace, self._polling, self._requests, self._dialect)
        self._keys = Keys(self._workspace, self._polling, self._dialect)
        self._serving = Serving(self._workspace, self._models)
        self._invoking = Invoking(self._workspace, self._serving, self._keys, self._requests)
        self._jobs = Jobs(self._workspace, self._models, self._serving, self._dialect)
        self._seeding = Seeding(self._workspace, self._models, self._endpoints)

    def furnish(self) -> None:
        """No rows, for the workspace is none; what deployments were asked before a reset is forgotten."""
        self._requests.forget()

    def routes(self) -> Iterable[Route]:
        handler = self._workspace.scoped(self._workspace.describe)
        yield Route(methods="GET", pattern=PATTERN, handler=handler, dialect=self._dialect)
        yield from self._polling.routes()
        yield from self._models.routes()
        yield from self._endpoints.routes()
        yield from self._keys.routes()
        yield from self._requests.routes()
        yield from self._invoking.routes()
        yield from self._jobs.routes()

    def sections(self) -> Mapping[str, Section]:
        return {"models": self._seeding.models, "onlineEndpoints": self._seeding.online_endpoints}

"""What GET shows of services and endpoints (classic-api.md 4.1, 4.6)."""

from __future__ import annotations

from typing import Any, Final

from retrainctl.emulator.classic.location import Location
from retrainctl.emulator.classic.records import DEFAULT, Endpoint, Run, Service
from retrainctl.emulator.identity import WORKSPACE
from retrainctl.emulator.knobs import Knobs

_STUDIO: Final = "https://studio.azureml.net"
_SERVICES: Final = "https://ussouthcentral.services.azureml.net"


def service_view(service: Service) -> dict[str, Any]:
    return {
        "Id": service.id,
        "Name": service.name,
        "Description": service.description,
        "CreationTime": service.created,
        "WorkspaceId": WORKSPACE,
        "DefaultEndpointName": DEFAULT,
        "EndpointCount": service.endpoints,
    }


class EndpointViews:
    """The endpoints of one answer; reads the switches once, since lists have thousands.

    Args:
        base: scheme and host that the emulator was called at.
        runs: by id, those of all endpoints to be shown.
        code: whether the service is code, which comes from no experiment.
    """

    def __init__(self, knobs: Knobs, base: str, runs: dict[str, Run], *, code: bool) -> None:
        self._echo = knobs.text("classic-echo")
        self._host = base if knobs.text("classic-api-location") == "local" else _SERVICES
        self._runs = runs
        self._code = code
        self._own = {
            run.id: {slot: Location.of_uri(uri).as_json() for slot, uri in run.trained.items()} for run in runs.values()
        }

    def view(self, endpoint: Endpoint, *, keys: bool = True) -> dict[str, Any]:
        """One endpoint."""
        settings = endpoint.settings
        shown: dict[str, Any] = {
            "Name": endpoint.name,
            "Description": settings.description,
            "CreationTime": endpoint.created,
            "WorkspaceId": WORKSPACE,
            "WebServiceId": endpoint.service,
            "HelpLocation": f"{_STUDIO}/apihelp/workspaces/{WORKSPACE}/webservices/{endpoint.service}"
            f"/endpoints/{endpoint.id}",
            "PrimaryKey": endpoint.keys[0],
            "SecondaryKey": endpoint.keys[1],
            "ApiLocation": f"{self._host}/workspaces/{WORKSPACE}/services/{endpoint.id}",
            "Version": endpoint.version,
            "PreventUpdate": settings.prevent_update,
            "SampleDataEnabled": False,
            "ExperimentLocation": None if self._code else experiment_location(endpoint.run),
            "MaxConcurrentCalls": settings.calls,
            "DiagnosticsTraceLevel": settings.diagnostics,
            "ThrottleLevel": settings.throttle,
            "Resources": [self._resource(endpoint, slot) for slot in self._runs[endpoint.run].trained],
        }
        if not keys:
            del shown["PrimaryKey"], shown["SecondaryKey"]
        return shown

    def _resource(self, endpoint: Endpoint, slot: str) -> dict[str, Any]:
        resource: dict[str, Any] = {"Name": slot, "Kind": "TrainedModel"}
        patched = endpoint.models.get(slot)
        if self._echo == "echo" and patched is not None:
            resource["Location"] = patched.as_json()
        elif self._echo != "absent":
            resource["Location"] = self._own[endpoint.run][slot]
        return resource


def experiment_location(run: str) -> str:
    """The page of an experiment run in Studio."""
    return (
        f"{_STUDIO}/Home/ViewWorkspaceCached/{WORKSPACE}"
        f"#Workspaces/Experiments/Experiment/{WORKSPACE}.s-id.{run}/ViewExperiment"
    )

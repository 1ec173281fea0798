"""What GET shows of services and endpoints (classic-api.md 4.1, 4.6)."""

from __future__ import annotations

from typing import Any, Final

from retrainctl.emulator.classic.location import Location
from retrainctl.emulator.classic.records import DEFAULT, Endpoint, Run, Service
from retrainctl.emulator.identity import WORKSPACE
from retrainctl.emulator.knobs import Knobs

_STUDIO: Final = "https://studio.azureml.net"
_HELP: Final = f"{_STUDIO}/apihelp/workspaces/{WORKSPACE}/webservices/"
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
    """The endpoints of one answer; what they share is made once, since lists have thousands.

    Args:
        base: scheme and host that the emulator was called at.
        runs: by id, those of all endpoints to be shown.
        code: whether the service is code, which comes from no experiment.
    """

    def __init__(self, knobs: Knobs, base: str, runs: dict[str, Run], *, code: bool) -> None:
        echo = knobs.text("classic-echo")
        host = base if knobs.text("classic-api-location") == "local" else _SERVICES
        self._echoes = echo == "echo"
        self._api = f"{host}/workspaces/{WORKSPACE}/services/"
        self._resources = {run.id: _own_resources(run, located=echo != "absent") for run in runs.values()}
        self._experiments = {run: None if code else experiment_location(run) for run in runs}

    def view(self, endpoint: Endpoint, *, keys: bool = True) -> dict[str, Any]:
        """One endpoint."""
        settings = endpoint.settings
        shown: dict[str, Any] = {
            "Name": endpoint.name,
            "Description": settings.description,
            "CreationTime": endpoint.created,
            "WorkspaceId": WORKSPACE,
            "WebServiceId": endpoint.service,
            "HelpLocation": f"{_HELP}{endpoint.service}/endpoints/{endpoint.id}",
            "PrimaryKey": endpoint.keys[0],
            "SecondaryKey": endpoint.keys[1],
            "ApiLocation": self._api + endpoint.id,
            "Version": endpoint.version,
            "PreventUpdate": settings.prevent_update,
            "SampleDataEnabled": False,
            "ExperimentLocation": self._experiments[endpoint.run],
            "MaxConcurrentCalls": settings.calls,
            "DiagnosticsTraceLevel": settings.diagnostics,
            "ThrottleLevel": settings.throttle,
            "Resources": self._shown_resources(endpoint),
        }
        if not keys:
            del shown["PrimaryKey"], shown["SecondaryKey"]
        return shown

    def _shown_resources(self, endpoint: Endpoint) -> list[dict[str, Any]]:
        own = self._resources[endpoint.run]
        if not (self._echoes and endpoint.models):
            return own
        patched = {slot: location.as_json() for slot, location in endpoint.models.items()}
        return [{**one, "Location": patched.get(one["Name"], one["Location"])} for one in own]


def _own_resources(run: Run, *, located: bool) -> list[dict[str, Any]]:
    """The updatable resources with the experiment's own models, or without any location."""
    resources: list[dict[str, Any]] = [{"Name": slot, "Kind": "TrainedModel"} for slot in run.trained]
    if located:
        for one in resources:
            one["Location"] = Location.of_uri(run.trained[one["Name"]]).as_json()
    return resources


def experiment_location(run: str) -> str:
    """The page of an experiment run in Studio."""
    return (
        f"{_STUDIO}/Home/ViewWorkspaceCached/{WORKSPACE}"
        f"#Workspaces/Experiments/Experiment/{WORKSPACE}.s-id.{run}/ViewExperiment"
    )

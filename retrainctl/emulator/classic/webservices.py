"""The operations on services: list, get, delete, and publishing code (classic-api.md 4.1 to 4.4)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from retrainctl.emulator.classic import rules
from retrainctl.emulator.classic.deployments import Deployments
from retrainctl.emulator.classic.dialect import ManagementDialect, bad_argument, json_body, not_found
from retrainctl.emulator.classic.records import Records, Service
from retrainctl.emulator.classic.views import service_view
from retrainctl.emulator.clock import stamp
from retrainctl.emulator.exchange import Answer, Call
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.routing import Route

BASE: Final = "/workspaces/{workspace}/webservices"


def find_service(records: Records, call: Call) -> Service:
    """The service of a call.

    Raises:
        Refusal: 404.
    """
    identifier = call.params["service"]
    service = records.service(identifier.lower())
    if service is None:
        raise not_found(
            "WebServiceIdNotFoundInWorkspace",
            f"No web service with the id {identifier} could be found in the workspace.",
        )
    return service


def written(frame: Frame, *, body: Any = None, new: bool = False) -> Answer:
    """The answer to a write that took effect: statuses are documented nowhere (4)."""
    match frame.knobs.text("classic-success"):
        case "rest":
            status = 201 if new else 200 if body is not None else 204
        case other:
            status = int(other)
    return Answer(status=status, body=body, wrote=True)


class WebServices:
    """The handlers."""

    def __init__(self, frame: Frame, records: Records, deployments: Deployments) -> None:
        self._frame = frame
        self._records = records
        self._deployments = deployments

    def routes(self, dialect: ManagementDialect) -> Iterable[Route]:
        one = BASE + "/{service}"
        for method, pattern, handler in (
            ("GET", BASE, self._list),
            ("GET", one, self._get),
            ("PUT", one, self._put),
            ("DELETE", one, self._delete),
            ("*", BASE + "/{*rest}", self._unknown),
        ):
            yield Route(methods=method, pattern=pattern, handler=handler, dialect=dialect)

    def _list(self, call: Call) -> Answer:
        del call
        services = self._records.services()
        return Answer(body=[service_view(service) for service in services]) if services else Answer(status=204)

    def _get(self, call: Call) -> Answer:
        return Answer(body=service_view(find_service(self._records, call)))

    def _delete(self, call: Call) -> Answer:
        self._deployments.remove(find_service(self._records, call))
        return written(self._frame)

    def _put(self, call: Call) -> Answer:
        """Publish a Python or R function; the same id again publishes it anew."""
        identifier = call.params["service"].lower()
        rules.check_service_id(identifier)
        body = json_body(call)
        name, bundle = body.get("Name"), body.get("CodeBundle")
        if not isinstance(name, str) or not name:
            raise bad_argument("BadParameterValue", "Name is missing.")
        if body.get("Type") != "Code":
            raise bad_argument("WebServiceTypeInvalid", "The only web service type that can be put is Code.")
        if not isinstance(bundle, dict):
            raise bad_argument("MissingWebServicePackage", "CodeBundle is missing.")
        properties = {"title": name, "codeBundle": bundle}
        service = self._records.service(identifier)
        new = service is None
        if service is None:
            service = Service(
                id=identifier,
                name=name,
                description="",
                kind="Code",
                created=stamp(self._frame.clock.now()),
                endpoints=0,
            )
            self._deployments.create(service, properties)
        elif service.kind != "Code":
            raise bad_argument("WebServiceTypeInvalid", f"The web service '{service.name}' was made by an experiment.")
        else:
            service.name = name
            self._deployments.redeploy(service, properties)
        return written(self._frame, body=service_view(find_service(self._records, call)), new=new)

    def _unknown(self, call: Call) -> Answer:
        raise not_found("WebServiceNotFound", f"There is no {call.method} {call.path} in the management API.")

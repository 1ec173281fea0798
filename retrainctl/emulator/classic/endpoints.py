"""The operations on endpoints (classic-api.md 4.5 to 4.10). `default` is made with the service and never written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from retrainctl.emulator.classic import rules
from retrainctl.emulator.classic.deployments import Deployments
from retrainctl.emulator.classic.dialect import ManagementDialect, bad_argument, json_body, not_found
from retrainctl.emulator.classic.location import Location
from retrainctl.emulator.classic.models import BlobDenied, BlobMissing, Models
from retrainctl.emulator.classic.records import DEFAULT, Endpoint, Records, Run, Service, Settings
from retrainctl.emulator.classic.views import EndpointViews
from retrainctl.emulator.classic.webservices import BASE, find_service, written
from retrainctl.emulator.clock import stamp
from retrainctl.emulator.exchange import Answer, Call, Refusal
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.routing import Route

WARNING_HEADER: Final = "x-retrainctl-warning"
"""What the real service would have refused, and the emulator took."""

_CODES: Final = {400: "BadArgument", 403: "Forbidden", 404: "NotFound", 409: "Conflict"}
_NO_RESOURCES: Final = (
    "Sorry, but this feature is not supported or available in this context. "
    "This Web Service has no updatable resources."
)


class Endpoints:
    """The handlers."""

    def __init__(self, frame: Frame, records: Records, models: Models, deployments: Deployments) -> None:
        self._frame = frame
        self._knobs = frame.knobs
        self._records = records
        self._models = models
        self._deployments = deployments

    def routes(self, dialect: ManagementDialect) -> Iterable[Route]:
        some = BASE + "/{service}/endpoints"
        one = some + "/{name}"
        for method, pattern, handler in (
            ("GET", some, self._list),
            ("GET", one, self._get),
            ("PUT", one, self._put),
            ("PATCH", one, self._patch),
            ("POST", one + "/refresh", self._refresh),
            ("DELETE", one, self._delete),
        ):
            yield Route(methods=method, pattern=pattern, handler=handler, dialect=dialect)

    # Reading

    def _list(self, call: Call) -> Answer:
        service = find_service(self._records, call)
        keys = self._knobs.text("classic-list-keys") == "yes" or call.query.get("decryptsecrets", "").lower() == "true"
        views = self._views(call, service, self._records.runs(service.id))
        return Answer(body=[views.view(endpoint, keys=keys) for endpoint in self._records.endpoints(service.id)])

    def _get(self, call: Call) -> Answer:
        service = find_service(self._records, call)
        endpoint = self._records.endpoint(service.id, call.params["name"])
        if endpoint is None:
            return self._missing(call)
        return Answer(body=self._view(call, service, endpoint))

    def _missing(self, call: Call) -> Answer:
        """The swagger declares both answers for GET."""
        if self._knobs.text("classic-missing") == "204":
            return Answer(status=204)
        raise _no_endpoint(call)

    def _views(self, call: Call, service: Service, runs: dict[str, Run]) -> EndpointViews:
        return EndpointViews(self._knobs, call.base, runs, code=service.kind == "Code")

    def _view(self, call: Call, service: Service, endpoint: Endpoint) -> dict[str, Any]:
        run = self._run(endpoint)
        return self._views(call, service, {run.id: run}).view(endpoint)

    def _run(self, endpoint: Endpoint) -> Run:
        run = self._records.run(endpoint.run)
        assert run is not None
        return run

    def _find(self, call: Call) -> tuple[Service, Endpoint]:
        """Raises `Refusal` 404; the id of an endpoint is not its name (T3)."""
        service = find_service(self._records, call)
        endpoint = self._records.endpoint(service.id, call.params["name"])
        if endpoint is None:
            raise _no_endpoint(call)
        return service, endpoint

    # Writing

    def _put(self, call: Call) -> Answer:
        service, name = find_service(self._records, call), call.params["name"]
        rules.check_name(name)
        if name == DEFAULT:
            raise self._refusal("DefaultEndpointNotUpdatable", "The default endpoint cannot be created or changed.")
        body = json_body(call) if call.body else {}
        rules.check_identity(body, service.id, name)
        settings = rules.settings_of(
            {member: value for member, value in body.items() if member != "DiagnosticsTraceLevel"},
            Settings(prevent_update=rules.prevent_update(body)),
            self._knobs,
        )
        existing = self._records.endpoint(service.id, name)
        if existing is not None:
            existing = self._put_again(service, existing, settings)
        if existing is not None:
            return self._put_answer(call, service, existing, new=False)
        rules.check_room(service, self._knobs)
        made = self._deployments.add(service, name, self._deployments.current(service.id), settings)
        return self._put_answer(call, service, made, new=True)

    def _put_again(self, service: Service, existing: Endpoint, settings: Settings) -> Endpoint | None:
        """PUT of a name that is there is documented nowhere (4.7); None when the old one made way."""
        match self._knobs.text("classic-put-existing"):
            case "conflict":
                detail = ("EndpointAlreadyExists", f"The endpoint '{existing.name}' exists already.")  # (guess)
                raise Refusal(409, "Conflict", "The request conflicts with the state of the resource.", [detail])
            case "replace":
                self._models.forget(existing)
                self._records.drop_endpoint(existing)
                service.endpoints -= 1
                return None
            case _:
                existing.settings = replace(settings, diagnostics=existing.settings.diagnostics)
                self._records.change_endpoint(existing)
                return existing

    def _put_answer(self, call: Call, service: Service, endpoint: Endpoint, *, new: bool) -> Answer:
        shown = self._knobs.text("classic-put-body") == "endpoint"
        return written(self._frame, body=self._view(call, service, endpoint) if shown else None, new=new)

    def _patch(self, call: Call) -> Answer:
        service, endpoint = self._find(call)
        if endpoint.name == DEFAULT:
            raise self._refusal("DefaultEndpointNotUpdatable", "The default endpoint cannot be updated.")
        if endpoint.settings.prevent_update and self._knobs.text("classic-prevent-update") == "enforced":
            raise self._refusal("UpdatePrevented", f"The endpoint '{endpoint.name}' was created with PreventUpdate.")
        body = json_body(call)
        if not body:
            raise bad_argument("RequestIsEmpty", "The request is empty.")
        settings = self._patched_settings(body, endpoint)
        wished = self._wished_models(body.get("Resources"), endpoint)
        missing = [location for _, location in wished if not self._readable(location)]
        if self._knobs.fires("classic-patch-stale", call.method, call.path):
            return replace(self._patch_answer(call, service, endpoint, missing), wrote=False)
        for slot, location in wished:
            self._models.patch(endpoint, slot, location)
        if wished and self._knobs.text("classic-patch-version") == "renew":
            endpoint.version = stamp(self._frame.clock.now())
        endpoint.settings = settings
        self._records.change_endpoint(endpoint)
        return self._patch_answer(call, service, endpoint, missing)

    def _patch_answer(self, call: Call, service: Service, endpoint: Endpoint, missing: list[Location]) -> Answer:
        shown = self._knobs.text("classic-patch-body") == "endpoint"
        answer = written(self._frame, body=self._view(call, service, endpoint) if shown else None)
        if missing:
            places = ", ".join(quote(location.uri, safe=":/") for location in missing)
            answer = replace(answer, headers=[(WARNING_HEADER, f"no blob at {places}")])
        return answer

    def _patched_settings(self, body: dict[str, Any], endpoint: Endpoint) -> Settings:
        match self._knobs.text("classic-patch-fields"):
            case "ignored":
                return endpoint.settings
            case "rejected":
                if unexpected := [member for member in rules.FIELDS if member in body]:
                    raise bad_argument("UnexpectedParameter", f"{', '.join(unexpected)} cannot be patched.")
                return endpoint.settings
            case _:
                return rules.settings_of(body, endpoint.settings, self._knobs)

    def _wished_models(self, given: Any, endpoint: Endpoint) -> list[tuple[str, Location]]:
        """Slots and their new locations, all of which can be taken as they are."""
        if given is None:
            return []
        if not isinstance(given, list) or not all(isinstance(resource, dict) for resource in given):
            raise bad_argument("RequestBodyInvalid", "Resources must be a list of objects.")
        slots = self._run(endpoint).trained
        if given and not slots:
            raise self._refusal("ResourcesNotUpdatable", _NO_RESOURCES)
        wished: dict[str, Location] = {}
        for resource in given:
            name = resource.get("Name")
            if name not in slots:
                raise self._refusal("ResourceNotFound", f"The resource '{name}' could not be found in the endpoint.")
            if name in wished:
                raise bad_argument("BadParameterValue", f"The resource '{name}' is given twice.")
            wished[name] = _location(resource.get("Location"))
        return list(wished.items())

    def _readable(self, location: Location) -> bool:
        """Whether the blob is there.

        Raises:
            Refusal: T6: it is there and may not be read; or it is not, and must be.
        """
        try:
            self._models.check(location)
        except BlobDenied as error:
            raise self._refusal("InvalidBlob", f"URL for retraining model invalid. {error}") from None
        except BlobMissing:
            if self._knobs.on("blobs-required"):
                raise self._refusal("BlobNotFound", "URL for retraining model invalid. The blob is missing.") from None
            return False
        return True

    def _refresh(self, call: Call) -> Answer:
        """The graph of `default`; with overwriting also its models, else the endpoint's own stay."""
        _, endpoint = self._find(call)
        if endpoint.name == DEFAULT:
            raise self._refusal("DefaultEndpointNotUpdatable", "The default endpoint cannot be refreshed.")
        overwrite = _overwrite(json_body(call) if call.body else {})
        run = self._deployments.current(endpoint.service)
        if endpoint.run == run.id and not (overwrite and endpoint.models):
            return Answer(status=304)
        before = self._run(endpoint)
        endpoint.run, endpoint.version = run.id, run.deployed
        if overwrite:
            endpoint.models = {}
            self._models.start(endpoint)
        else:
            self._models.refresh(endpoint, before, run)
        self._records.change_endpoint(endpoint)
        return written(self._frame)

    def _delete(self, call: Call) -> Answer:
        service = find_service(self._records, call)
        name = call.params["name"]
        if name == DEFAULT:
            raise Refusal(400, "UnauthorizedRequest", "Cannot delete default endpoint.")
        endpoint = self._records.endpoint(service.id, name)
        if endpoint is None:
            return self._missing(call)
        self._models.forget(endpoint)
        self._records.drop_endpoint(endpoint)
        return written(self._frame)

    def _refusal(self, code: str, message: str) -> Refusal:
        """Known to be refused, with a status that nobody recorded (T1, T2, T6, T8); the detail codes are guesses."""
        status = int(self._knobs.text("classic-refusal-status"))
        return Refusal(status, _CODES[status], "The endpoint cannot be updated.", [(code, message)])


def _no_endpoint(call: Call) -> Refusal:
    return not_found("EndpointNotFound", f"No endpoint with the name {call.params['name']} could be found.")


def _location(given: Any) -> Location:
    """Raises `Refusal` for a location that cannot be one."""
    if not isinstance(given, dict):
        raise bad_argument("RequestBodyInvalid", "Location must be an object.")
    base, relative, sas = (given.get(name) for name in ("BaseLocation", "RelativeLocation", "SasBlobToken"))
    if not isinstance(base, str) or not base.lower().startswith(("http://", "https://")):
        raise bad_argument("BadParameterValue", "BaseLocation must be an absolute URL.")
    if not isinstance(relative, str) or not relative.strip("/"):
        raise bad_argument("MissingInputBlobInformation", "RelativeLocation is missing.")
    if not isinstance(sas, str | None):
        raise bad_argument("BadParameterValue", "SasBlobToken must be a text.")
    if not relative.endswith(".ilearner"):
        raise bad_argument(
            "InvalidBlobExtension",
            f"The blob '{relative}' has an invalid or missing file extension. Supported file extensions for this "
            "resource type are: .ilearner",
        )
    return Location(base=base, relative=relative, sas=sas or "")


def _overwrite(body: dict[str, Any]) -> bool:
    """azuremlps sends a text, other clients a boolean (4.9)."""
    given = body.get("OverwriteResources", False)
    value = {"true": True, "false": False}.get(str(given).lower())
    if value is None:
        raise bad_argument("BadParameterValue", "OverwriteResources is true or false.")
    return value

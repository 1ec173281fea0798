"""Classic web services and endpoints for single commands: finding them, describing them, what is wished of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import urlsplit

from retrainctl.definition.nearest import closest
from retrainctl.errors import RetrainctlError, UsageError
from retrainctl.fastclass import dataclass
from retrainctl.manifest.load import Loaded
from retrainctl.model.address import Address
from retrainctl.model.redaction import without_query
from retrainctl.model.resource import Desired
from retrainctl.model.values import JsonObject, Tree
from retrainctl.model.versions import ModelVersion
from retrainctl.operations.models import REFERENCE, find_version
from retrainctl.plan.errors import Blocked
from retrainctl.plan.guard import matching
from retrainctl.targets.classic.client import ClassicClient
from retrainctl.targets.classic.ids import ENDPOINT, SERVICE, Place
from retrainctl.targets.classic.reading import default_name, find_service
from retrainctl.targets.studio.deployment import deployed_service

_REFERENCE: Final = f"{SERVICE}/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An endpoint by its place, with the address that plans and history know it under.

    service: the web service as listed. place: as the target's reader wants it.
    """

    address: Address
    service: JsonObject
    name: str
    place: Mapping[str, str]

    def desired(
        self, fields: Mapping[str, Tree] | None = None, slots: Mapping[str, ModelVersion] | None = None
    ) -> Desired:
        """What is wished of it; what is not named stays as it is."""
        return Desired(address=self.address, place=self.place, fields=fields or {}, slots=slots or {})


def service_called(client: ClassicClient, loaded: Loaded, reference: str) -> JsonObject:
    """The web service that a name, an id, or the address of a manifest means. Raises `TargetError` (RC361, RC362)."""
    if reference.startswith(_REFERENCE):
        declared = next((one for one in loaded.desired if str(one.address) == reference), None)
        reference = declared.place["webService"] if declared is not None else reference.removeprefix(_REFERENCE)
    return find_service(reference, client.services())


def endpoint_called(client: ClassicClient, loaded: Loaded, service: str, name: str) -> Endpoint:
    """An endpoint, there or not; under the address of the manifest that declares it, where one does."""
    found = service_called(client, loaded, service)
    identifier = str(found["Id"])
    place = {"webService": identifier, "name": name, "workspace": client.workspace}
    taken: set[str] = set()
    for desired in loaded.desired:
        if desired.address.kind != ENDPOINT:
            continue
        taken.add(desired.address.name)
        if desired.place["name"] == name and desired.place["webService"] in (identifier, found.get("Name")):
            return Endpoint(address=desired.address, service=found, name=name, place=place)
    own = name if name not in taken else f"{found.get('Name')}/{name}"
    return Endpoint(address=Address(ENDPOINT, own), service=found, name=name, place=place)


def list_endpoints(client: ClassicClient, service: JsonObject) -> list[dict[str, Any]]:
    """Every endpoint of a service, without keys, each with its addresses."""
    default = default_name(service)
    return [described(one, default) for one in client.endpoints(str(service["Id"]))]


def read_endpoint(client: ClassicClient, endpoint: Endpoint) -> dict[str, Any]:
    """One endpoint, without keys. Raises `RetrainctlError` (RC901) naming a near one."""
    identifier = str(endpoint.service["Id"])
    document = client.endpoint(Place(workspace=client.workspace, service=identifier, endpoint=endpoint.name))
    if document is not None:
        return described(document, default_name(endpoint.service))
    names = [str(one.get("Name")) for one in client.endpoints(identifier)]
    near = closest(endpoint.name, names)
    hint = f'Did you mean "{near}"?' if near else f"`endpoint list` shows the {len(names)} that there are."
    raise RetrainctlError(
        f'web service "{endpoint.service.get("Name")}" has no endpoint "{endpoint.name}"', code="RC901", hint=hint
    )


def described(document: JsonObject, default: str) -> dict[str, Any]:
    """An endpoint with the addresses that its help page has: scoring, batch jobs, and its update."""
    found: dict[str, Any] = {**document, "IsDefault": document.get("Name") == default}
    location = document.get("ApiLocation")
    if isinstance(location, str) and location:
        base = location.rstrip("/")
        found["RequestResponseUrl"] = f"{base}/execute?api-version=2.0&details=true"
        found["BatchUrl"] = f"{base}/jobs?api-version=2.0"
        found["SwaggerUrl"] = f"{base}/swagger.json"
    return found


def slot_of(document: Mapping[str, Any], wanted: str | None) -> str:
    """The slot that a model goes into: the named one, or the only one.

    Raises `RetrainctlError` (RC365, RC364) naming what there is.
    """
    resources = document.get("Resources")
    known = [str(one.get("Name")) for one in resources if isinstance(one, Mapping)] if resources else []
    if not known:
        raise RetrainctlError(
            f'endpoint "{document.get("Name")}" has no updatable resources',
            code="RC364",
            hint="It belongs to a training service, or to one that was deployed without a saved trained model.",
        )
    if wanted is None and len(known) == 1:
        return known[0]
    listed = ", ".join(f'"{name}"' for name in known)
    if wanted is None:
        raise UsageError(f"which slot? There are {listed}", hint="Pass --slot NAME.")
    if wanted not in known:
        near = closest(wanted, known)
        raise RetrainctlError(
            f'endpoint "{document.get("Name")}" has no trained model slot "{wanted}"',
            code="RC365",
            hint=(f'Did you mean "{near}"? ' if near else "") + f"There is {listed}.",
        )
    return wanted


def model_of(loaded: Loaded, reference: str) -> ModelVersion:
    """`MODEL@VERSION` of the project, or the address of a blob. Raises `RetrainctlError`, `UsageError`."""
    parts = urlsplit(reference)
    if parts.scheme not in ("http", "https"):
        if REFERENCE.fullmatch(reference) is None:
            raise UsageError(
                f"--model {reference}: neither MODEL@VERSION nor the address of a blob",
                hint="Write for example census@7, or https://ACCOUNT.blob.core.windows.net/CONTAINER/PATH.ilearner.",
            )
        version = find_version(loaded, reference)
        if version.uri is None:
            raise RetrainctlError(
                f"{version.label} has no blob that an endpoint could load",
                code="RC348",
                hint="`retrainctl apply` uploads a version's file; an endpoint takes only its `uri`.",
            )
        return version
    uri = without_query(reference)
    for line in loaded.models.values():
        for one in line.versions:
            if one.uri is not None and without_query(one.uri) == uri:
                return one
    return ModelVersion(model=PurePosixPath(parts.path).stem or "blob", version=1, uri=uri)


def settings_of(
    *,
    description: str | None = None,
    throttle: str | None = None,
    max_calls: int | None = None,
    diagnostics: str | None = None,
    prevent_update: bool | None = None,
) -> dict[str, Tree]:
    """The fields that were named, in the service's spelling. Raises `UsageError` for calls that Low would ignore."""
    if max_calls is not None and throttle == "Low":
        raise UsageError(
            "--max-calls has no meaning at --throttle Low: there it is always 4", hint="Pass --throttle High."
        )
    given: dict[str, Tree] = {
        "Description": description,
        "ThrottleLevel": throttle,
        "MaxConcurrentCalls": max_calls,
        "DiagnosticsTraceLevel": diagnostics,
        "PreventUpdate": prevent_update,
    }
    return {name: value for name, value in given.items() if value is not None}


def service_address(loaded: Loaded, service: JsonObject) -> Address:
    """What plans and history call a web service: as declared, else by its name."""
    known = (service.get("Id"), service.get("Name"))
    for desired in loaded.desired:
        if desired.address.kind == SERVICE and desired.place.get("webService") in known:
            return desired.address
    return Address(SERVICE, str(service.get("Name") or service["Id"]))


def refuse_protected(patterns: Sequence[str], address: Address) -> None:
    """Raises `Blocked` where a protection forbids to delete the resource."""
    if (rule := matching(address, patterns)) is not None:
        raise Blocked(f"protect: {address}: {rule} is protected: no deletion", hint="Take it off `protect` first.")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentWish:
    """A deployment as it will be carried out. again: the service of this id is deployed again; else one is made.

    back: what takes it back.
    """

    address: Address
    question: str
    again: bool
    service: str | None
    back: str


def deployment_of(experiment: JsonObject, identifier: str, *, update: bool, new: bool) -> DeploymentWish:
    """What deploying an experiment does: the cmdlet's silent second service needs a word here.

    Raises:
        UsageError: the experiment has a service and neither `update` nor `new` is said; or both are.
    """
    if update and new:
        raise UsageError("--update and --new exclude each other")
    name = str(experiment.get("Description") or identifier)
    service = deployed_service(experiment)
    if service is not None and not (update or new):
        raise UsageError(
            f'experiment "{name}" was deployed before, to web service {service}',
            hint="Pass --update to deploy that one again, or --new for a second one of the same name.",
        )
    again = update and service is not None
    question = f'Deploy web service {service} again from "{name}"?' if again else f'Deploy "{name}" as a web service?'
    back = "Deploy the former experiment again with --update; nothing keeps which one that was."
    if not again:
        back = "Remove the web service again: `retrainctl classic list` has its id for `retrainctl classic remove`."
    return DeploymentWish(address=Address(SERVICE, name), question=question, again=again, service=service, back=back)

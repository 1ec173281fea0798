"""Finding web services: where each can be called and with which key, as the target says (`ports.ServiceDirectory`)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from retrainctl.model.retraining import BATCH_TARGET, ServiceRef
from retrainctl.model.values import JsonObject, Secret
from retrainctl.ports import CallableService, NotFound, Rejected, Unavailable
from retrainctl.targets.arm.client import ArmClient
from retrainctl.targets.arm.ids import web_service
from retrainctl.targets.azure.credentials import KeyAuth
from retrainctl.targets.azure.pipeline import Pipeline
from retrainctl.targets.azureml.client import AzuremlClient
from retrainctl.targets.classic.client import ClassicClient
from retrainctl.targets.classic.ids import Place
from retrainctl.targets.classic.reading import default_name, find_service
from retrainctl.targets.services.batchendpoint import BatchService
from retrainctl.targets.services.client import ServiceClient
from retrainctl.targets.services.description import example_request
from retrainctl.targets.services.online import OnlineService
from retrainctl.targets.services.requests import Credential, Locate

_SWAGGER: Final = "/swagger.json"


class Directory:
    """Thread-safe; each service is looked up once.

    classic, arm, azureml: give the client of a target; None where the environment has no such target. group: the
    resource group of a New service that names none. reroute: where an address of the services API is really called.
    """

    def __init__(
        self,
        *,
        pipeline: Pipeline,
        classic: Callable[[], ClassicClient] | None,
        arm: Callable[[], ArmClient] | None,
        azureml: Callable[[], AzuremlClient] | None = None,
        group: str,
        locate: Locate,
        credential: Credential,
        reroute: Callable[[str], str] = str,
    ) -> None:
        self._pipeline = pipeline
        self._classic = classic
        self._arm = arm
        self._azureml = azureml
        self._group = group
        self._locate = locate
        self._credential = credential
        self._reroute = reroute
        self._lock = threading.Lock()
        self._known: dict[ServiceRef, CallableService] = {}
        self._services: list[JsonObject] | None = None
        self._classic_client: ClassicClient | None = None

    def open(self, service: ServiceRef) -> CallableService:
        """The service, ready to be called. Raises `TargetError`, `SecretUnavailable`."""
        with self._lock:
            if service not in self._known:
                find = {
                    "classic": self._of_classic,
                    "azureml": self._of_azureml,
                    BATCH_TARGET: self._of_batch,
                }.get(service.target, self._of_arm)
                self._known[service] = find(service)
            return self._known[service]

    def _of_classic(self, wanted: ServiceRef) -> CallableService:
        if self._classic is None:
            raise _no_target("classic")
        client = self._classic_client = self._classic_client or self._classic()
        if self._services is None:
            self._services = client.services()
        found = find_service(wanted.name, self._services)
        name = wanted.endpoint or default_name(found)
        place = Place(workspace=client.workspace, service=str(found["Id"]), endpoint=name)
        access = client.access(place)
        if access is None:
            raise NotFound(
                f'Classic web service "{wanted.name}" has no endpoint "{name}"',
                code="RC640",
                hint="`retrainctl plan` shows which endpoints are there; an apply creates the declared ones.",
                sent=False,
            )
        label = f'"{wanted.name}"' if wanted.endpoint is None else f'endpoint "{name}" of "{wanted.name}"'
        return self._client(label, str(place), access.api_location, access.primary)

    def _of_arm(self, wanted: ServiceRef) -> CallableService:
        if self._arm is None:
            raise _no_target("arm")
        client, group = self._arm(), wanted.group or self._group
        document = client.get_service(group, wanted.name)
        properties = _mapping(document.get("properties"))
        location = properties.get("swaggerLocation")
        if not isinstance(location, str) or _SWAGGER not in location:
            raise Unavailable(
                f'web service "{wanted.name}" shows no swaggerLocation, so it is not known where it can be called',
                code="RC640",
                hint="It has no finished deployment: `retrainctl status` shows what is wrong with it.",
                sent=False,
            )
        key = client.list_keys(group, wanted.name).primary
        base = location[: location.index(_SWAGGER)]
        identity = web_service(client.subscription, group, wanted.name)
        return self._client(f'"{wanted.name}"', identity, base, key, partial(example_request, properties))

    def _of_azureml(self, wanted: ServiceRef) -> CallableService:
        if self._azureml is None:
            raise _no_target("azureml")
        return OnlineService(self._azureml(), wanted.name, wanted.endpoint)

    def _of_batch(self, wanted: ServiceRef) -> CallableService:
        if self._azureml is None:
            raise _no_target("azureml")
        return BatchService(self._azureml(), wanted.name, wanted.endpoint)

    def _client(
        self,
        name: str,
        identity: str,
        location: str,
        key: Secret,
        example: Callable[..., JsonObject | None] = lambda _: None,
    ) -> CallableService:
        self._pipeline.redactor.learn(key)
        return ServiceClient(
            name=name,
            location=location,
            base=self._reroute(location),
            identity=identity,
            pipeline=self._pipeline,
            auth=KeyAuth(secret=key),
            locate=self._locate,
            credential=self._credential,
            example=example,
        )


def _no_target(target: str) -> Rejected:
    return Rejected(
        f"the environment has no `{target}` settings, which this service needs",
        code="RC017",
        hint=f"Add `{target}:` to the environment, or `emulator: {{}}`.",
        sent=False,
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}

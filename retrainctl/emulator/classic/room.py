"""The room of Classic web services."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from retrainctl.emulator.arm import definition as arm
from retrainctl.emulator.classic import records as rows
from retrainctl.emulator.classic.deployments import Deployments
from retrainctl.emulator.classic.dialect import ManagementDialect, json_body
from retrainctl.emulator.classic.endpoints import Endpoints
from retrainctl.emulator.classic.knobs import KNOBS
from retrainctl.emulator.classic.models import Models, owner_of, with_models
from retrainctl.emulator.classic.records import Records, Service
from retrainctl.emulator.classic.seeding import Seeding
from retrainctl.emulator.classic.views import experiment_location
from retrainctl.emulator.classic.webservices import WebServices
from retrainctl.emulator.exchange import Call, Refusal
from retrainctl.emulator.frame import Frame, Section
from retrainctl.emulator.identity import WORKSPACE
from retrainctl.emulator.knobs import Knob
from retrainctl.emulator.routing import Route
from retrainctl.emulator.serving import Serving


class ClassicRoom:
    """`https://management.azureml.net`: one Standard workspace in South Central US."""

    name = "classic"
    tables = rows.DDL
    knobs: tuple[Knob, ...] = KNOBS

    def enter(self, frame: Frame) -> None:
        self._frame = frame
        self.records = Records(frame.store)
        models = Models(frame)
        self.deployments = Deployments(self.records, models, frame.clock)
        self._services = WebServices(frame, self.records, self.deployments)
        self._endpoints = Endpoints(frame, self.records, models, self.deployments)
        self._seeding = Seeding(frame, self.records, models, self.deployments)

    def furnish(self) -> None:
        """A new workspace has no services."""

    def routes(self) -> Iterable[Route]:
        dialect = ManagementDialect(self._frame, self.records.keys)
        yield from self._services.routes(dialect)
        yield from self._endpoints.routes(dialect)

    def sections(self) -> Mapping[str, Section]:
        return {"classic": self._seeding.services}

    def serving(self, flavour: str, scope: str, service: str) -> Serving | None:
        """As `serving.ServiceSource` asks: the endpoint with this id, on its own run and with its own models."""
        if flavour != "workspaces" or scope != WORKSPACE:
            return None
        endpoint = self.records.endpoint_by_id(service)
        parent = None if endpoint is None else self.records.service(endpoint.service)
        if endpoint is None or parent is None:
            return None
        properties = self.records.properties(endpoint.run)
        account = properties.get("storageAccount")
        named = account.get("name") if isinstance(account, Mapping) else None
        return Serving(
            owner=owner_of(endpoint),
            title=parent.name,
            description=endpoint.settings.description,
            properties=with_models(properties, endpoint.models),
            keys=endpoint.keys,
            most_calls=endpoint.settings.calls,
            account=named or "mlstudiostorage",
            endpoint=endpoint.name,
        )

    def controls(self) -> Mapping[tuple[str, str], Callable[[Call], Any]]:
        """As `control.Controllable` asks."""
        return {("POST", "classic/redeploy"): self._redeploy}

    def holdings(self) -> Mapping[str, int]:
        """As `control.Controllable` asks."""
        services, endpoints = self.records.counts()
        return {"classic/webservices": services, "classic/endpoints": endpoints} if services else {}

    def _redeploy(self, call: Call) -> dict[str, Any]:
        """`{"service": ID or NAME, "definition": {...}}`: what deploying the experiment again does; without a
        definition the same one once more."""
        wish = json_body(call)
        service = self._named(str(wish.get("service", "")))
        given = wish.get("definition")
        properties: Any
        if given is None:
            properties = self.records.properties(self.deployments.current(service.id).id)
        else:
            document = arm.drop_nulls(arm.fold_names(given)) if isinstance(given, dict) else {}
            properties = document.get("properties")
        if not isinstance(properties, dict):
            raise Refusal(400, "BadRequest", "The definition has no member properties.")
        with self._frame.store.transaction():
            run = self.deployments.redeploy(service, properties)
        return {
            "service": service.id,
            "experimentLocation": experiment_location(run.id),
            "version": run.deployed,
        }

    def _named(self, wanted: str) -> Service:
        found = self.records.service_ids(wanted) or [wanted.lower()]
        service = self.records.service(found[0]) if len(found) == 1 else None
        if service is None:
            count = len(found) if len(found) > 1 else "no"
            raise Refusal(404, "NotFound", f"There is {count} web service {wanted}; name one by its id.")
        return service

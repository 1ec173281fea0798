"""Deploying: a definition becomes a run, and the default endpoint follows it."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

import orjson

from retrainctl.emulator.classic.models import Models, assets_of
from retrainctl.emulator.classic.records import DEFAULT, Endpoint, Records, Run, Service, Settings
from retrainctl.emulator.clock import Clock, stamp
from retrainctl.emulator.identity import service_key


class Deployments:
    """Callers hold the transaction."""

    def __init__(self, records: Records, models: Models, clock: Clock) -> None:
        self._records = records
        self._models = models
        self._clock = clock

    def create(self, service: Service, properties: Mapping[str, Any]) -> Endpoint:
        """A new service with its default endpoint."""
        run = self._deploy(service, properties)
        identifier = uuid5(NAMESPACE_URL, f"{service.id}/{DEFAULT}").hex
        return self.add(service, DEFAULT, run, Settings(), identifier=identifier)

    def redeploy(self, service: Service, properties: Mapping[str, Any]) -> Run:
        """A new run; `default` takes its graph and models, every other endpoint stays on its own."""
        endpoint = self._records.endpoint(service.id, DEFAULT)
        assert endpoint is not None
        run = self._deploy(service, properties)
        endpoint.run, endpoint.version = run.id, run.deployed
        self._models.start(endpoint)
        self._records.change_endpoint(endpoint)
        for unused in self._records.unused_runs(service.id):
            self._models.forget_run(unused)
            self._records.drop_run(unused)
        return run

    def add(
        self,
        service: Service,
        name: str,
        run: Run,
        settings: Settings,
        *,
        identifier: str | None = None,
        keys: tuple[str, str] | None = None,
    ) -> Endpoint:
        """A new endpoint on a run, with its models."""
        endpoint = Endpoint(
            id=identifier or uuid4().hex,
            service=service.id,
            name=name,
            run=run.id,
            created=stamp(self._clock.now()),
            version=run.deployed,
            settings=settings,
            keys=keys or (service_key(), service_key()),
        )
        self._records.add_endpoint(endpoint)
        self._models.start(endpoint)
        return endpoint

    def current(self, service: str) -> Run:
        """The run that `default` is on."""
        endpoint = self._records.endpoint(service, DEFAULT)
        run = None if endpoint is None else self._records.run(endpoint.run)
        assert run is not None
        return run

    def remove(self, service: Service) -> None:
        """The service with everything that belongs to it."""
        for endpoint in self._records.endpoints(service.id):
            self._models.forget(endpoint)
        for run in self._records.runs(service.id):
            self._models.forget_run(run)
        self._records.drop_service(service.id)

    def _deploy(self, service: Service, properties: Mapping[str, Any]) -> Run:
        """The id depends on service, content and number of deployments: the same seed gives the same id."""
        service.deployments += 1
        self._records.put_service(service)
        content = sha256(orjson.dumps(properties)).hexdigest()
        trained, fixed = assets_of(properties)
        run = Run(
            id=uuid5(NAMESPACE_URL, f"{service.id}/{service.deployments}/{content}").hex,
            service=service.id,
            deployed=stamp(self._clock.now()),
            trained=trained,
            fixed=fixed,
        )
        self._records.put_run(run, properties)
        self._models.deployed(run)
        return run

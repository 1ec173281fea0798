"""Deploying a web service from an experiment, and exporting the definition of one (classic-api.md section 6)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from retrainctl.emulator.classic.deployments import Deployments
from retrainctl.emulator.classic.records import DEFAULT, Service
from retrainctl.emulator.classic.records import Records as Services
from retrainctl.emulator.clock import stamp
from retrainctl.emulator.exchange import Answer, Call, Refusal
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.routing import Route
from retrainctl.emulator.studio.compiling import Unconnected
from retrainctl.emulator.studio.dialect import StudioDialect, missing
from retrainctl.emulator.studio.experiments import found
from retrainctl.emulator.studio.records import Records
from retrainctl.emulator.studio.running import Runs
from retrainctl.emulator.studio.workspace import BASE
from retrainctl.emulator.training.graph import GraphInvalid


class Deploying:
    """The handlers."""

    def __init__(
        self, frame: Frame, records: Records, runs: Runs, services: Services, deployments: Deployments
    ) -> None:
        self._frame = frame
        self._records = records
        self._runs = runs
        self._services = services
        self._deployments = deployments

    def routes(self, dialect: StudioDialect) -> Iterable[Route]:
        one = BASE + "/experiments/{experiment}"
        for method, pattern, handler in (
            ("POST", one + "/webservice", self._deploy),
            ("GET", one + "/webservice", self._deployed),
            ("GET", one + "/webservicedefinition", self._export),
        ):
            yield Route(methods=method, pattern=pattern, handler=handler, dialect=dialect)

    def _deploy(self, call: Call) -> Answer:
        self._runs.advance()
        experiment = found(self._records, call)
        properties = self._properties(experiment)
        told = f"{call.path} {experiment['Description']}"
        again = call.query.get("updateexistingwebservice", "").lower() == "true"
        known = (experiment["WebService"] or {}).get("WebServiceGroupId") if again else None
        service = self._services.service(known) if known else None
        activity = uuid4().hex
        if self._frame.knobs.fires("studio-deploy-fail", call.method, told):
            self._records.put_deployment(activity, experiment["ExperimentId"], "", "")
            return Answer(body=_activity(activity, "", "", "Pending"), wrote=True)
        if service is None:
            service = Service(
                id=uuid4().hex,
                name=experiment["Description"],
                description=experiment["Summary"],
                kind="Experiment",
                created=stamp(self._frame.clock.now()),
            )
            self._deployments.create(service, properties)
        else:
            self._deployments.redeploy(service, properties)
        endpoint = self._services.endpoint(service.id, DEFAULT)
        assert endpoint is not None
        experiment["WebService"] = {**(experiment["WebService"] or {}), "WebServiceGroupId": service.id}
        self._records.put_experiment(experiment, self._records.definition(experiment["ExperimentId"]))
        self._records.put_deployment(activity, experiment["ExperimentId"], service.id, endpoint.id)
        return Answer(body=_activity(activity, service.id, endpoint.id, "Pending"), wrote=True)

    def _deployed(self, call: Call) -> Answer:
        """The activity's id stands where the experiment's would (6)."""
        activity = call.params["experiment"]
        known = self._records.deployment(activity)
        if known is None:
            raise missing("deployment", activity)
        service, endpoint = known
        return Answer(body=_activity(activity, service, endpoint, "Completed" if service else "Failed"))

    def _export(self, call: Call) -> Answer:
        self._runs.advance()
        return Answer(body={"properties": self._properties(found(self._records, call))})

    def _properties(self, experiment: dict[str, Any]) -> dict[str, Any]:
        """What the experiment becomes as a service; refused in words of the emulator (guess) where it cannot be."""
        if experiment["Status"]["StatusCode"] != "Finished":
            raise Refusal(400, "InvalidOperation", "The experiment must have finished a run first.")
        nodes = (experiment.get("Graph") or {}).get("ModuleNodes")
        if not nodes and self._runs.base(experiment) is None:
            raise Refusal(
                400,
                "WebServicePackageError",
                "The experiment has no modules: there is nothing to make a web service of.",
            )
        try:
            return self._runs.compiler(experiment).deployed()
        except (Unconnected, GraphInvalid) as error:
            raise Refusal(
                400, "WebServicePackageError", "The web service package is invalid.", [("ValidationError", f"{error}.")]
            ) from None


def _activity(activity: str, service: str, endpoint: str, status: str) -> dict[str, Any]:
    return {"ActivityId": activity, "WebServiceGroupId": service, "EndpointId": endpoint, "Status": status}

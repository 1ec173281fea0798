"""Experiments: list, read, save, run, delete, deploy, export (classic-api.md 6, 6.2, 6.3).

No graph is executed here: a run finishes at once and every node says in its status that it was not executed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from retrainctl.emulator.classic.deployments import Deployments
from retrainctl.emulator.classic.dialect import bad_argument, json_body
from retrainctl.emulator.classic.records import DEFAULT, Service
from retrainctl.emulator.classic.records import Records as Services
from retrainctl.emulator.clock import stamp
from retrainctl.emulator.exchange import Answer, Call, Refusal
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.identity import WORKSPACE
from retrainctl.emulator.routing import Route
from retrainctl.emulator.studio.dialect import StudioDialect, date, missing
from retrainctl.emulator.studio.records import Records
from retrainctl.emulator.studio.workspace import BASE

NOT_EXECUTED = "Not executed: the emulator runs no experiment graphs."


class Experiments:
    """The handlers."""

    def __init__(self, frame: Frame, records: Records, services: Services, deployments: Deployments) -> None:
        self._frame = frame
        self._records = records
        self._services = services
        self._deployments = deployments

    def routes(self, dialect: StudioDialect) -> Iterable[Route]:
        every = BASE + "/experiments"
        one = every + "/{experiment}"
        for method, pattern, handler in (
            ("GET", every, self._list),
            ("POST", every, self._save),
            ("GET", one, self._get),
            ("POST", one, self._save),
            ("DELETE", one, self._delete),
            ("POST", one + "/webservice", self._deploy),
            ("GET", one + "/webservice", self._deployed),
            ("GET", one + "/webservicedefinition", self._export),
        ):
            yield Route(methods=method, pattern=pattern, handler=handler, dialect=dialect)

    def add(self, wish: dict[str, Any], definition: dict[str, Any] | None, *, identifier: str = "") -> dict[str, Any]:
        """Store what a save body (6.3) describes under a new id, or over `identifier`; the stored document."""
        now = date(self._frame.clock.now())
        before = self._records.experiment(identifier) if identifier else None
        draft = bool(wish.get("IsDraft"))
        graph = wish.get("ExperimentGraph") or {}
        body = {
            "ExperimentId": identifier or f"{WORKSPACE}.f-id.{uuid4().hex}",
            "RunId": "" if draft else f"{WORKSPACE}.s-id.{uuid4().hex}",
            "ParentExperimentId": before["ParentExperimentId"] if before else wish.get("ParentExperimentId") or "",
            "Summary": wish.get("Summary") or "",
            "Description": wish["Description"],
            "Graph": graph,
            "Status": {
                "StatusCode": "InDraft" if draft else "Finished",
                "StatusDetail": None if draft else NOT_EXECUTED,
                "CreationTime": before["Status"]["CreationTime"] if before else now,
                "StartTime": None if draft else now,
                "EndTime": None if draft else now,
                "Metadata": None,
            },
            "Etag": f"W/\"datetime'{stamp(self._frame.clock.now()).replace(':', '%3A')}'\"",
            "NodeStatuses": [] if draft else [_node_status(node) for node in graph.get("ModuleNodes") or []],
            "Creator": before["Creator"] if before else "owner",
            "IsLeaf": True,
            "DisableNodesUpdate": bool(wish.get("DisableNodeUpdate")),
            "WebService": wish.get("WebService"),
            "Category": wish.get("Category") or "user",
            "Tags": [],
            "IsPartialRun": False,
        }
        self._records.put_experiment(body, definition)
        return body

    def _list(self, call: Call) -> Answer:
        del call
        return Answer(body=self._records.experiments())

    def _get(self, call: Call) -> Answer:
        return Answer(body=self._find(call))

    def _save(self, call: Call) -> Answer:
        """Over the experiment of the path; without one, a new one with the deployable content of its parent."""
        wish = json_body(call)
        if not isinstance(wish.get("Description"), str) or not wish["Description"]:
            raise bad_argument("BadParameterValue", "Description, the name of the experiment, is missing.")
        for name in ("ExperimentGraph", "WebService"):
            if not isinstance(wish.get(name) or {}, dict):
                raise bad_argument("BadParameterValue", f"{name} must be an object.")
        identifier = self._find(call)["ExperimentId"] if "experiment" in call.params else ""
        definition = self._records.definition(identifier or str(wish.get("ParentExperimentId") or ""))
        return Answer(body=self.add(wish, definition, identifier=identifier)["ExperimentId"], wrote=True)

    def _delete(self, call: Call) -> Answer:
        experiment = self._find(call)
        self._records.drop_experiment(experiment["ExperimentId"])
        if call.query.get("deleteancestors", "").lower() == "true":
            seen = {experiment["ExperimentId"]}
            while (parent := experiment["ParentExperimentId"]) and parent not in seen:
                above = self._records.experiment(parent)
                if above is None:
                    break
                self._records.drop_experiment(parent)
                seen.add(parent)
                experiment = above
        return Answer(wrote=True)

    def _deploy(self, call: Call) -> Answer:
        experiment = self._find(call)
        properties = self._properties(experiment)
        again = call.query.get("updateexistingwebservice", "").lower() == "true"
        known = (experiment["WebService"] or {}).get("WebServiceGroupId") if again else None
        service = self._services.service(known) if known else None
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
        self._records.put_experiment(experiment, {"properties": properties})
        activity = uuid4().hex
        self._records.put_deployment(activity, experiment["ExperimentId"], service.id, endpoint.id)
        return Answer(body=_activity(activity, service.id, endpoint.id, "Pending"), wrote=True)

    def _deployed(self, call: Call) -> Answer:
        """The activity's id stands where the experiment's would (6)."""
        activity = call.params["experiment"]
        found = self._records.deployment(activity)
        if found is None:
            raise missing("deployment", activity)
        return Answer(body=_activity(activity, *found, "Completed"))

    def _export(self, call: Call) -> Answer:
        return Answer(body={"properties": self._properties(self._find(call))})

    def _find(self, call: Call) -> dict[str, Any]:
        identifier = call.params["experiment"]
        experiment = self._records.experiment(identifier)
        if experiment is None:
            raise missing("experiment", identifier)
        return experiment

    def _properties(self, experiment: dict[str, Any]) -> dict[str, Any]:
        """What the experiment becomes as a service; refused in words of the emulator (guess) where it cannot be."""
        if experiment["Status"]["StatusCode"] != "Finished":
            raise Refusal(400, "InvalidOperation", "The experiment must have finished a run first.")
        definition = self._records.definition(experiment["ExperimentId"])
        if definition is None:
            raise Refusal(
                400,
                "WebServicePackageError",
                "The emulator makes services only of experiments that were seeded with a definition, and their copies.",
            )
        properties: dict[str, Any] = definition["properties"]
        return properties


def _node_status(node: dict[str, Any]) -> dict[str, Any]:
    return {
        "NodeId": node.get("Id"),
        "Status": {"StatusCode": "Finished", "StatusDetail": NOT_EXECUTED},
        "OutputEndpoints": [],
        "MetadataOutputEndpoints": {},
    }


def _activity(activity: str, service: str, endpoint: str, status: str) -> dict[str, Any]:
    return {"ActivityId": activity, "WebServiceGroupId": service, "EndpointId": endpoint, "Status": status}

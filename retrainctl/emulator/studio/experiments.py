"""Experiments: list, read, save, run, delete, and what their nodes put out (classic-api.md 6, 6.2, 6.3)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any
from uuid import uuid4

from retrainctl.emulator.blob.shelf import Blob, Shelf
from retrainctl.emulator.classic.dialect import bad_argument, json_body
from retrainctl.emulator.exchange import Answer, Call, Refusal, Streamed
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.identity import WORKSPACE
from retrainctl.emulator.routing import Route
from retrainctl.emulator.studio.dialect import StudioDialect, created, date, missing
from retrainctl.emulator.studio.outputs import Output, Outputs, output_of
from retrainctl.emulator.studio.records import Records
from retrainctl.emulator.studio.running import VISUALIZATION, Runs, next_etag
from retrainctl.emulator.studio.save_body import check
from retrainctl.emulator.studio.workspace import BASE

_BELONGING = ("WebServiceGroupId", "RunId", "ArmWebServiceId")
"""Members of `WebService` that say which service an experiment was deployed to."""


class Experiments:
    """The handlers."""

    def __init__(self, frame: Frame, records: Records, runs: Runs, outputs: Outputs) -> None:
        self._frame = frame
        self._records = records
        self._runs = runs
        self._outputs = outputs

    def routes(self, dialect: StudioDialect) -> Iterable[Route]:
        every = BASE + "/experiments"
        one = every + "/{experiment}"
        for method, pattern, handler in (
            ("GET", every, self._list),
            ("POST", every, self._save),
            ("GET", one, self._get),
            ("POST", one, self._save),
            ("DELETE", one, self._delete),
            ("GET", one + "/outputdata/{node}/{port}", self._output),
        ):
            yield Route(methods=method, pattern=pattern, handler=handler, dialect=dialect)

    def add(
        self,
        wish: dict[str, Any],
        definition: dict[str, Any] | None,
        *,
        identifier: str = "",
        call: Call | None,
        copied: bool = True,
        creator: str | None = None,
    ) -> dict[str, Any]:
        """Store what a save body (6.3) describes under a new id, or over `identifier`; the stored document.

        Without a draft it runs; where no call asks for it, but a seed, it has run already. copied: what it says of its
        web service is another experiment's.
        """
        now = self._frame.clock.now()
        before = self._records.experiment(identifier) if identifier else None
        body = {
            "ExperimentId": identifier or f"{WORKSPACE}.f-id.{uuid4().hex}",
            "RunId": "",
            "ParentExperimentId": before["ParentExperimentId"] if before else wish.get("ParentExperimentId") or "",
            "OriginalExperimentDocumentationLink": None,
            "Summary": wish.get("Summary") or "",
            "Description": wish["Description"],
            "Graph": wish.get("ExperimentGraph") or {},
            "Status": {
                "StatusCode": "InDraft",
                "StatusDetail": None,
                "CreationTime": before["Status"]["CreationTime"] if before else date(now),
                "StartTime": None,
                "EndTime": None,
                "Metadata": None,
            },
            "Etag": next_etag(now, before["Etag"] if before else ""),
            "NodeStatuses": [],
            "Creator": before["Creator"] if before else creator or "owner",
            "IsLeaf": True,
            "DisableNodesUpdate": bool(wish.get("DisableNodeUpdate")),
            "WebService": self._web_service(wish.get("WebService"), before, copied=copied),
            "Category": wish.get("Category") or "user",
            "Tags": before["Tags"] if before else [],
            "IsPartialRun": False,
        }
        self._runs.forget(body["ExperimentId"])
        if not wish.get("IsDraft"):
            self._runs.begin(body, call)
        self._records.put_experiment(body, definition)
        return body

    def _web_service(
        self, given: dict[str, Any] | None, before: dict[str, Any] | None, *, copied: bool
    ) -> dict[str, Any] | None:
        """As it was sent; of an experiment that was deployed the emulator knows better to which service."""
        if before is not None:
            known = {name: (before["WebService"] or {}).get(name) for name in _BELONGING}
            return given if not any(known.values()) else {**(given or {}), **known}
        if given is None or not copied or self._frame.knobs.text("studio-copy-service") == "keep":
            return given
        return {name: None if name in _BELONGING else value for name, value in given.items()}

    def _list(self, call: Call) -> Answer:
        self._runs.advance()
        return Answer(body=[self._shown(one, call) for one in self._records.experiments()])

    async def _get(self, call: Call) -> Answer:
        self._runs.advance()
        await self._runs.settle(call.params["experiment"])
        return Answer(body=self._shown(self._find(call), call))

    def _save(self, call: Call) -> Answer:
        """Over the experiment of the path; without one, a new one with the deployable content of its parent."""
        wish = json_body(call)
        if not isinstance(wish.get("Description"), str) or not wish["Description"]:
            raise bad_argument("BadParameterValue", "Description, the name of the experiment, is missing.")
        check(wish)
        before = self._find(call) if "experiment" in call.params else None
        if before is not None:
            self._check_save(call, before)
        identifier = before["ExperimentId"] if before else ""
        definition = self._records.definition(identifier or str(wish.get("ParentExperimentId") or ""))
        body = self.add(wish, definition, identifier=identifier, call=call)
        self._runs.advance()
        return created(self._frame, body["ExperimentId"])

    def _check_save(self, call: Call, before: dict[str, Any]) -> None:
        """412 for another version than the caller read, 409 while it runs: both statuses are guesses."""
        expected = call.headers.get("if-match", "").strip()
        if expected not in ("", "*", before["Etag"]) and self._frame.knobs.text("studio-save-etag") == "check":
            raise Refusal(
                412,
                "PreconditionFailed",
                "The condition of the request is not met.",
                [("EtagMismatch", "The experiment was changed since it was read.")],
            )
        running = before["Status"]["StatusCode"] == "Running"
        if running and self._frame.knobs.text("studio-save-running") == "reject":
            raise Refusal(
                409, "Conflict", "The experiment cannot be changed now.", [("ExperimentRunning", "It is running.")]
            )

    def _delete(self, call: Call) -> Answer:
        experiment = self._find(call)
        self._drop(experiment["ExperimentId"])
        if call.query.get("deleteancestors", "").lower() == "true":
            seen = {experiment["ExperimentId"]}
            while (parent := experiment["ParentExperimentId"]) and parent not in seen:
                above = self._records.experiment(parent)
                if above is None:
                    break
                self._drop(parent)
                seen.add(parent)
                experiment = above
        return Answer(wrote=True)

    def _drop(self, identifier: str) -> None:
        self._runs.forget(identifier)
        self._records.drop_experiment(identifier)

    async def _output(self, call: Call) -> Answer:
        """The bytes of a port's value; a name in another case is found too (section 9)."""
        self._runs.advance()
        await self._runs.settle(call.params["experiment"])
        node, port = call.params["node"], call.params["port"]
        output = output_of(self._outputs, self._find(call), node, port)
        storage = self._outputs.storage
        blob = None if output is None else storage.blob(output.place)
        if output is None or blob is None:
            raise missing(f"output {port!r} of the node", node)
        if self._frame.knobs.text("studio-outputdata") == "redirect":
            url = storage.base_uri(call.base) + output.place.path + storage.signature(output.place)
            return Answer(status=302, headers=[("Location", url)])
        length = storage.shelf.ready(blob)
        chunks = _pieces(storage.shelf, blob, length)
        return Answer(body=Streamed(length=length, chunks=chunks), media="application/octet-stream")

    def _find(self, call: Call) -> dict[str, Any]:
        return found(self._records, call)

    def _shown(self, experiment: dict[str, Any], call: Call) -> dict[str, Any]:
        """With what the nodes put out, signed anew."""
        kept: dict[str, list[Output]] = {}
        if experiment["NodeStatuses"]:
            for output in self._outputs.of(experiment["ExperimentId"]):
                kept.setdefault(output.node, []).append(output)
        for status in experiment["NodeStatuses"]:
            own = kept.get(status["NodeId"], [])
            status["OutputEndpoints"] = [
                self._outputs.endpoint(one, call.base) for one in own if one.kind != VISUALIZATION
            ]
            status["MetadataOutputEndpoints"] = {
                one.port.partition("#")[0]: [{"Key": "visualization", "Value": self._outputs.endpoint(one, call.base)}]
                for one in own
                if one.kind == VISUALIZATION
            }
            status["StandardErrorEndpoint"] = None
            status["StandardOutEndpoint"] = None
        return experiment


def found(records: Records, call: Call) -> dict[str, Any]:
    """The experiment that a path names.

    Raises:
        Refusal: 404.
    """
    identifier = call.params["experiment"]
    experiment = records.experiment(identifier)
    if experiment is None:
        raise missing("experiment", identifier)
    return experiment


async def _pieces(shelf: Shelf, blob: Blob, length: int) -> AsyncIterator[bytes]:
    for piece in shelf.pieces(blob, 0, length):
        yield piece

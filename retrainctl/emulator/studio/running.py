"""Runs of experiments: Running by the emulator's clock, then Finished, Failed or Canceled (classic-api.md 6.2).

What the training engine knows is really run, in a worker process. Every other node says in its status that it was not.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from retrainctl.emulator.blob.contents import Draft
from retrainctl.emulator.clock import stamp
from retrainctl.emulator.exchange import Call
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.identity import WORKSPACE
from retrainctl.emulator.scoring.sources import Sources
from retrainctl.emulator.scoring.workers import WorkerLost, Workers
from retrainctl.emulator.studio.asset_records import AssetRecords, Kind
from retrainctl.emulator.studio.compiling import Compiler, Saved
from retrainctl.emulator.studio.dialect import date
from retrainctl.emulator.studio.outputs import Outputs
from retrainctl.emulator.studio.planning import Plan, Planner
from retrainctl.emulator.studio.ports import DATASET, MODEL
from retrainctl.emulator.studio.records import Records
from retrainctl.emulator.studio.run_records import SEEDED, Run, RunRecords
from retrainctl.emulator.studio.storage import ACCOUNT
from retrainctl.emulator.training.failure import ModuleFailed

log = logging.getLogger("retrainctl.emulator")

VISUALIZATION: Final = "Visualization"
"""Kind of an output that shows another one; its port is `PORT#visualization`."""

_REALISTIC: Final = 20.0
"""Seconds that a run lasts under `realistic` (guess)."""

_FAULT_TEXT: Final = "All rows must have same number of elements (emulator fault studio-run-fail)"
_FATES: Final = ("fail", "cancel", "stick")


@dataclass(slots=True, kw_only=True)
class _End:
    """How a run ended. `told` is what the worker said of each node's ports, by key; `failed` (key, details)."""

    code: str = "Finished"
    detail: str | None = None
    told: dict[str, Any] = field(default_factory=dict)
    plan: Plan | None = None
    failed: tuple[str, str] | None = None


class Runs:
    """Belongs to the event loop that first asks it to advance."""

    def __init__(
        self, frame: Frame, records: Records, runs: RunRecords, outputs: Outputs, assets: AssetRecords
    ) -> None:
        self._frame = frame
        self._records = records
        self._runs = runs
        self._outputs = outputs
        self._assets = assets
        self._planner = Planner(Sources(outputs.storage.shelf, frame.clock))
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._workers: Workers | None = None

    def begin(self, experiment: dict[str, Any], call: Call | None) -> None:
        """Start what `experiment` says, in whose document that is noted; without a call it is a seed's, which has
        finished."""
        now = self._frame.clock.now()
        experiment["RunId"] = f"{WORKSPACE}.s-id.{uuid4().hex}"
        nodes = (experiment.get("Graph") or {}).get("ModuleNodes") or []
        state = "Finished" if call is None else "NotStarted"
        experiment["NodeStatuses"] = [_node(node.get("Id"), state, None, None, None) for node in nodes]
        experiment["Status"] |= {
            "StatusCode": "Finished" if call is None else "Running",
            "StatusDetail": None,
            "StartTime": date(now),
            "EndTime": date(now) if call is None else None,
        }
        fate = SEEDED if call is None else self._fate(call, str(experiment["Description"]))
        self._runs.put(Run(experiment=experiment["ExperimentId"], run=experiment["RunId"], fate=fate, started=now))

    def _fate(self, call: Call, name: str) -> str:
        for fate in _FATES:
            if self._frame.knobs.fires(f"studio-run-{fate}", call.method, f"{call.path} {name}"):
                return fate
        return ""

    def advance(self) -> None:
        """Take up what was started, also before a restart. Called with every request about experiments."""
        for run in self._runs.runs():
            if not run.seeded:
                self._take_up(run)

    async def settle(self, experiment: str) -> None:
        """Make what a seeded run put out, before the experiment is shown."""
        run = self._runs.run(experiment)
        if run is not None and run.seeded and (task := self._take_up(run)) is not None:
            await asyncio.wait([task])

    def _take_up(self, run: Run) -> asyncio.Task[None] | None:
        if run.fate == "stick":
            return None
        if run.run not in self._tasks:
            task = asyncio.get_running_loop().create_task(self._work(run), name=run.run)
            self._tasks[run.run] = task
            task.add_done_callback(lambda done: self._tasks.pop(done.get_name(), None))
        return self._tasks[run.run]

    def forget(self, experiment: str) -> None:
        """Stop the run, and drop it with its outputs."""
        run = self._runs.run(experiment)
        if run is not None and (task := self._tasks.get(run.run)) is not None:
            task.cancel()
        self._runs.drop(experiment)
        self._outputs.forget(experiment)

    def stop(self) -> None:
        """Stop all work: the state is another one now."""
        for task in self._tasks.values():
            task.cancel()

    async def _work(self, run: Run) -> None:
        knobs = self._frame.knobs
        seconds = _REALISTIC if knobs.on("realistic") else knobs.number("studio-run-seconds")
        due = run.started + (0 if run.seeded else seconds)
        try:
            end = await self._outcome(run)
            while (left := due - self._frame.clock.now()) > 0:
                await asyncio.sleep(min(left, 0.05))
        except asyncio.CancelledError:
            return
        except Exception:
            log.exception("the run %s failed inside the emulator", run.run)
            end = _End(code="Failed", detail="The emulator failed; its log has the reason.")
        with self._frame.store.transaction():
            self._finish(run, end)

    async def _outcome(self, run: Run) -> _End:
        with self._frame.store.transaction():
            experiment = self._records.experiment(run.experiment)
            if experiment is None:
                return _End()
            plan = self._planner.plan(self.compiler(experiment), experiment, run.job, strict=not run.seeded)
        if run.fate == "cancel":
            return _End(code=self._frame.knobs.text("studio-run-cancelled"), plan=plan)
        if run.fate == "fail":
            broken = next(iter([*plan.nodes, *plan.ids]), "")
            return _failed(plan, {}, broken, ModuleFailed(broken, "1000", "LibraryException", _FAULT_TEXT), run)
        if plan.invalid:
            return _End(code="Failed", detail=plan.invalid, plan=plan)
        told: dict[str, Any] = {}
        if plan.nodes and (plan.reads or plan.failed):
            answer = await self._ask(plan)
            if answer is None:
                lost = ModuleFailed(
                    "Train Model",
                    "0138",
                    "MemoryQuotaViolation",
                    "Memory has been exhausted, unable to complete running.",
                )
                return _failed(plan, {}, plan.nodes[0], lost, run)
            told = answer["nodes"]
            if answer["failed"] is not None:
                failed = (answer["failed"]["node"], answer["failed"]["details"])
                return _End(code="Failed", detail=failed[1], told=told, plan=plan, failed=failed)
        if plan.failed is not None:
            return _End(code="Failed", detail=plan.failed[1], told=told, plan=plan, failed=plan.failed)
        return _End(told=told, plan=plan, detail=_undone(plan))

    async def _ask(self, plan: Plan) -> dict[str, Any] | None:
        """The worker's answer; None when it was lost."""
        self._workers = self._workers or Workers()
        folder = self._outputs.storage.shelf.contents.new_draft().parent
        try:
            answer = await self._workers.run({**plan.request, "folder": str(folder)})
        except WorkerLost:
            return None
        if "broken" in answer:
            raise RuntimeError(answer["broken"])
        return answer

    def _finish(self, run: Run, end: _End) -> None:
        """Write the end of a run, unless it was replaced or deleted meanwhile."""
        experiment = self._records.experiment(run.experiment)
        if experiment is None or self._runs.run(run.experiment) != run:
            for place in _files(end.told):
                Path(place["file"]).unlink(missing_ok=True)
            return
        now = self._frame.clock.now()
        plan = end.plan or Plan(request={})
        keys = {identifier: key for key, identifier in plan.ids.items()}
        for status in experiment["NodeStatuses"]:
            key = keys.get(status["NodeId"])
            status["Status"] |= self._node_end(key, plan, end, run.started, now)
            for port, told in end.told.get(key or "", {}).items():
                self._keep(run.experiment, status["NodeId"], port, told)
        ended = experiment["Status"]["EndTime"] if run.seeded else date(now)
        experiment["Status"] |= {"StatusCode": end.code, "StatusDetail": end.detail, "EndTime": ended}
        if not run.seeded:
            experiment["Etag"] = next_etag(now, experiment["Etag"])
        self._records.put_experiment(experiment, self._records.definition(run.experiment))
        self._runs.drop(run.experiment)

    def _node_end(self, key: str | None, plan: Plan, end: _End, started: float, now: float) -> dict[str, Any]:
        if key is not None and key in plan.reasons and end.code == "Finished":
            return {"StatusCode": "Finished", "StatusDetail": plan.reasons[key]}
        if end.failed is not None and key == end.failed[0]:
            return _state("Failed", end.failed[1], started, now)
        if end.code == "Finished" or (key is not None and key in end.told):
            return _state("Finished", None, started, now)
        return _state("NotStarted", None, None, None)

    def _keep(self, experiment: str, node: str, port: str, told: dict[str, Any]) -> None:
        kind, extension = (MODEL, ".ilearner") if told["model"] else (DATASET, ".csv")
        self._outputs.put(experiment, node, port, _draft(told), kind=kind, extension=extension)
        shown = _draft(told["shown"])
        self._outputs.put(experiment, node, f"{port}#visualization", shown, kind=VISUALIZATION, extension=".json")

    def compiler(self, experiment: dict[str, Any]) -> Compiler:
        """A compiler of an experiment as it stands."""
        base = self.base(experiment)
        return Compiler(experiment, None if base is None else base["properties"], self._saved)

    def base(self, experiment: dict[str, Any]) -> dict[str, Any] | None:
        """The definition that it was drawn from; copies that name no parent are known by their `ModelPackageId`."""
        own = self._records.definition(experiment["ExperimentId"])
        package = str((experiment.get("WebService") or {}).get("ModelPackageId") or "")
        return own if own is not None or not package else self._runs.origin(package)

    def _saved(self, kind: str, identifier: str) -> Saved | None:
        asset = self._assets.asset(_KINDS[kind], identifier)
        if asset is None:
            return None
        uri = "" if asset.place is None else f"https://{ACCOUNT}.blob.core.windows.net/{asset.place.path}"
        return Saved(id=asset.id, name=asset.name, uri=uri)


_KINDS: Final[dict[str, Kind]] = {
    "dataset": "dataset",
    "model": "model",
    "transform": "transform",
    "module": "module",
}


def next_etag(now: float, before: str) -> str:
    """The form of 6.2; never the one before, even when the clock stands still."""
    made = _etag(now)
    while made == before:
        now += 0.000001
        made = _etag(now)
    return made


def _etag(now: float) -> str:
    return f"W/\"datetime'{stamp(now).replace(':', '%3A')}'\""


def _failed(plan: Plan, told: dict[str, Any], node: str, error: ModuleFailed, run: Run) -> _End:
    details = error.details(run.job)
    return _End(code="Failed", detail=details, told=told, plan=plan, failed=(node, details))


def _undone(plan: Plan) -> str | None:
    count = len(plan.reasons)
    return f"Not executed: {count} of {len(plan.ids)} nodes; each says why." if count else None


def _node(identifier: Any, code: str, detail: str | None, started: float | None, ended: float | None) -> dict[str, Any]:
    return {"NodeId": identifier, "Status": _state(code, detail, started, ended)}


def _state(code: str, detail: str | None, started: float | None, ended: float | None) -> dict[str, Any]:
    return {
        "StatusCode": code,
        "StatusDetail": detail,
        "CreationTime": None,
        "StartTime": None if started is None else date(started),
        "EndTime": None if ended is None else date(ended),
        "Metadata": None,
    }


def _draft(told: dict[str, Any]) -> Draft:
    return Draft(path=Path(told["file"]), size=told["size"], md5=bytes.fromhex(told["md5"]))


def _files(told: dict[str, Any]) -> list[dict[str, Any]]:
    return [file for ports in told.values() for one in ports.values() for file in (one, one["shown"])]

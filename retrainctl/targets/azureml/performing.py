"""One step of a change, carried out against what stands there at that moment (azureml-v2.md sections 5.2 to 5.4).

Every step looks first: what it would bring about and what is there already is not sent again, no deployment gets
traffic that is not ready, and none is written over or deleted that has traffic. So a step can be repeated after any
interruption.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from retrainctl.definition.azureml import BUSY, state_of, weights
from retrainctl.definition.azureml_ids import DEPLOYMENTS, owner
from retrainctl.fastclass import dataclass
from retrainctl.model.change import Action, ResourceChange, Step
from retrainctl.model.values import MISSING, Json, JsonObject, Missing
from retrainctl.ports import Conflict, NotFound, Outcome, Performed, Rejected, TargetError, Unavailable, Waiter
from retrainctl.targets.azureml import moves
from retrainctl.targets.azureml.client import AzuremlClient
from retrainctl.targets.azureml.moves import bake_of, fixed_differ, matches, parse, wanted_of
from retrainctl.targets.azureml.planner import AzuremlPlanner
from retrainctl.targets.azureml.reading import (
    BATCH_DEFAULT,
    DEPLOYMENT,
    DEPLOYMENTS_OF,
    TRAFFIC,
    Company,
    company,
)
from retrainctl.targets.azureml.requests import traffic_body

_DONE: Final = Performed(outcome=Outcome.DONE)
_REST_SECONDS: Final = 1800.0
"""How long something else's operation is waited for: the service gives its own 30 minutes."""
_LAG_PAUSES: Final = (0.2, 1.0, 10.0, 10.0)
"""How long a finished write may take to show (section 5.3: re-read up to three times at 10 s)."""
_STATE_PAUSES: Final = (1.0, 5.0, 10.0, 20.0)
"""Between attempts where the endpoint is still said to be updating after its operation ended (section 5.4)."""
_LOG_LINES: Final = 5


@dataclass(frozen=True, slots=True)
class Performing:
    """Carries out the steps of one change."""

    client: AzuremlClient
    planner: AzuremlPlanner
    change: ResourceChange
    waiter: Waiter

    def step(self, step: Step) -> Performed:
        """One step; raises `TargetError` where it is refused, lets `StopWaiting` out."""
        move = replace(parse(step.id), bake=bake_of(step.wait))
        if self.change.address.kind in (TRAFFIC, BATCH_DEFAULT):
            return self._part(move.verb)
        if self.change.address.kind != DEPLOYMENT:
            return self._plain(move.verb, step)
        match move.verb:
            case moves.SMOKE:
                request = next((r.body for r in step.requests if r.method == "POST"), MISSING)
                return self._smoke(move.name, request)
            case moves.SHIFT:
                return self._shift(move)
            case moves.MIRROR:
                return self._mirror(move)
            case moves.RETIRE | moves.DELETE:
                return self._remove(move.name or self._company().homes[0])
            case moves.CREATE:
                return self._create(move.name or self._company().homes[0])
            case _:
                return self._update(move.verb)

    # Endpoints, batch deployments, traffic maps

    def _plain(self, verb: str, step: Step) -> Performed:
        path = self.change.identity
        if verb == moves.DELETE:
            return self._send("DELETE", path)
        document = self._rested(path)
        if verb == moves.CREATE and document is not None:
            raise Conflict(
                f"{self.change.address} exists already; nothing was sent",
                code="RC327",
                hint="Plan again: it will be planned as an update.",
                sent=False,
            )
        if verb != moves.CREATE and document is None:
            raise NotFound(f"{self.change.address} is not there any more", sent=False)
        if self.change.address.kind in DEPLOYMENTS_OF:
            self._rested(owner(path))
        if verb == moves.CREATE and self.change.action is not Action.CREATE:
            # Half of a replacement: what it was made from is gone, and the plan has it.
            return self._send("PUT", path, step.requests[-1].body)  # type: ignore[arg-type]
        return self._send("PUT", path, self.planner.body(self.change, verb, document))

    def _part(self, verb: str) -> Performed:
        """The traffic maps of an online endpoint, or the default of a batch endpoint."""
        path = owner(self.change.identity)
        document = self._endpoint()
        body = self.planner.body(self.change, verb, document)
        if self.change.address.kind == TRAFFIC:
            shares = body["properties"]["traffic"]
            deployments = self._deployments()
            for name in sorted({*shares, *body["properties"]["mirrorTraffic"]}):
                self._must_be_ready(name, deployments.get(name))
        performed = self._send("PUT", path, body)
        if performed.outcome is Outcome.DONE and self.change.address.kind == TRAFFIC:
            self._shows(shares)
        return performed

    # Online deployments

    def _create(self, name: str) -> Performed:
        """Makes a deployment as the change wants it: after the one that serves, or from nothing."""
        seen = self._company()
        live = seen.documents.get(name)
        others = {other: document for other, document in seen.documents.items() if other != name}
        rest = replace(seen, documents=others)
        base = others[rest.serving] if rest.serving is not None else live
        if live is not None and base is not None:
            if seen.ready(name) and matches(
                live, wanted_of(self.change, base, self.planner.settings.scope), self._scope
            ):
                return _DONE
            if seen.traffic.get(name) and others:
                raise _has_traffic(name, seen.traffic[name])
        body = self.planner.body(self.change, moves.CREATE, base)
        if live is not None and fixed_differ(live, body):
            removed = self._send("DELETE", self.planner.path(self.change, name))
            if removed.outcome is not Outcome.DONE:
                return removed
        performed = self._send("PUT", self.planner.path(self.change, name), body)
        if performed.outcome is Outcome.DONE:
            self._visible(name)
        return self._with_log(performed, name)

    def _update(self, verb: str) -> Performed:
        seen = self._company()
        (name,) = seen.homes
        if name not in seen.documents:
            raise NotFound(f"{self.change.address} is not there any more", sent=False)
        body = self.planner.body(self.change, verb, seen.documents[name])
        return self._with_log(self._send("PUT", self.planner.path(self.change, name), body), name)

    def _smoke(self, name: str, request: object) -> Performed:
        seen = self._company()
        self._must_be_ready(name, seen.documents.get(name))
        try:
            self._score(seen.endpoint, request, name)
        except TargetError as error:
            raise Rejected(
                f"{name} does not answer the smoke request, so it gets no traffic: {error.message}",
                code="RC398",
                hint="Read its log, mend the model or the request, plan again; `retrainctl rollback last` removes it.",
                status=error.status or 400,
                request_id=error.request_id,
            ) from error
        return _DONE

    def _score(self, endpoint: JsonObject, request: Any, name: str) -> None:
        """One answered request; a new deployment may be unknown for a while (section 5.3)."""
        for pause in _LAG_PAUSES:
            try:
                self.client.score(endpoint, request, name, self.waiter.pause)
            except NotFound:
                self.waiter.pause(pause)
            else:
                return
        self.client.score(endpoint, request, name, self.waiter.pause)

    def _mirror(self, move: moves.Move) -> Performed:
        seen = self._company()
        self._must_be_ready(move.name, seen.documents.get(move.name))
        if seen.traffic.get(move.name):
            return _DONE
        if seen.mirror == {move.name: move.percent}:
            return self._baked(_DONE, move)
        body = traffic_body(seen.endpoint, seen.traffic, {move.name: move.percent})
        return self._baked(self._send("PUT", owner(self.change.identity), body), move)

    def _shift(self, move: moves.Move) -> Performed:
        seen = self._company()
        self._must_be_ready(move.name, seen.documents.get(move.name))
        traffic = self.planner.shifted(seen, move.name, move.percent)
        for name in traffic.keys() & seen.documents.keys():
            self._must_be_ready(name, seen.documents[name])
        mirror = {name: share for name, share in seen.mirror.items() if name not in seen.documents}
        if seen.traffic == traffic and seen.mirror == mirror:
            # Whoever began to wait here may have been interrupted.
            return self._baked(_DONE, move)
        performed = self._send("PUT", owner(self.change.identity), traffic_body(seen.endpoint, traffic, mirror))
        if performed.outcome is Outcome.DONE:
            self._shows(traffic)
        return self._baked(performed, move)

    def _remove(self, name: str) -> Performed:
        seen = self._company()
        if name not in seen.documents:
            return _DONE
        if share := seen.traffic.get(name):
            raise _has_traffic(name, share)
        return self._send("DELETE", self.planner.path(self.change, name))

    def _baked(self, performed: Performed, move: moves.Move) -> Performed:
        """Waits as long as the step says, then looks once more whether the deployment still works."""
        if performed.outcome is Outcome.DONE and move.bake:
            self.waiter.pause(move.bake)
            self._must_be_ready(move.name, self._deployments().get(move.name))
        return performed

    # What all of them need

    @property
    def _scope(self) -> str:
        return self.planner.settings.scope

    def _company(self) -> Company:
        """What stands there now, with nothing under way any more."""
        seen: Company | None = None

        def look() -> bool:
            nonlocal seen
            seen = company(self.change.identity, self._endpoint(), self._deployments())
            return not seen.busy()

        self._until(look, f"{self.change.address} is still being changed by something else")
        assert seen is not None
        return seen

    def _endpoint(self) -> JsonObject:
        found = self._rested(owner(self.change.identity))
        if found is None:
            raise NotFound(f"the endpoint of {self.change.address} is not there", code="RC393", sent=False)
        return found

    def _rested(self, path: str) -> JsonObject | None:
        """A resource once no operation on it is under way; None when there is none."""
        found: JsonObject | None = None

        def look() -> bool:
            nonlocal found
            found = self.client.get(path, self.waiter.pause)
            return found is None or state_of(found) not in BUSY

        self._until(look, f"{path.rpartition('/')[2]} is still being changed by something else")
        return found

    def _deployments(self) -> dict[str, JsonObject]:
        path = f"{owner(self.change.identity)}/{DEPLOYMENTS}"
        return {str(item.get("name")): item for item in self.client.list(path)}

    def _until(self, look: Callable[[], bool], what: str) -> None:
        pause, left = 0.2, _REST_SECONDS
        while not look():
            if left <= 0:
                raise Unavailable(what, code="RC323", hint="Look at it, then apply again.", sent=False)
            self.waiter.pause(pause)
            left -= pause
            pause = min(10.0, pause * 1.5)

    def _send(self, method: str, path: str, body: Json | Missing = MISSING) -> Performed:
        """Sends a write and waits for its end; one that the endpoint's state forbids just now is sent again."""
        for pause in (*_STATE_PAUSES, None):
            try:
                start = self.client.start(method, path, body, self.waiter.pause)
            except NotFound:
                if method == "DELETE":
                    return _DONE
                raise
            except (Conflict, Rejected) as error:
                if pause is None or "provisioning state" not in error.message:
                    raise
                self.waiter.pause(pause)
                continue
            performed = self.client.finish(start, path, self.waiter)
            if performed.error is not None:
                performed.error.address = self.change.address
            return performed
        raise AssertionError("the last attempt ends the loop")

    def _must_be_ready(self, name: str, document: JsonObject | None) -> None:
        if document is not None and state_of(document) == "succeeded":
            return
        state = "is not there" if document is None else f"is {state_of(document) or 'in no known state'}"
        raise Rejected(
            f"{name} {state}, so it gets no traffic; nothing was sent",
            code="RC398",
            hint="Mend the deployment, plan again; the traffic stays where it is.",
            sent=False,
        )

    def _visible(self, name: str) -> None:
        """Waits a little until a new deployment shows (section 5.3: 404 on fresh deployments)."""
        path = self.planner.path(self.change, name)
        for pause in _LAG_PAUSES:
            if self.client.get(path, self.waiter.pause) is not None:
                return
            self.waiter.pause(pause)

    def _shows(self, traffic: dict[str, int]) -> None:
        """Waits a little until the traffic shows: the read-back lags behind the operation."""
        for pause in _LAG_PAUSES:
            properties: Any = self._endpoint().get("properties") or {}
            if weights(properties.get("traffic")) == weights(traffic):
                return
            self.waiter.pause(pause)

    def _with_log(self, performed: Performed, name: str) -> Performed:
        """Adds the end of the container's log to a failed deployment's error: the operation itself says too little."""
        if performed.outcome is Outcome.FAILED and performed.error is not None:
            with suppress(TargetError):
                lines = self.client.logs(self.planner.path(self.change, name)).strip().splitlines()[-_LOG_LINES:]
                if lines:
                    log = self.client.pipeline.redactor.clean(" | ".join(lines))
                    performed.error.message += f" (its log ends: {log})"
        return performed


def outcome_of(error: TargetError) -> Outcome:
    """A write that was not sent, or was refused, has failed; one without a clear answer (5xx too) may be done."""
    unclear = error.status is None or isinstance(error, Unavailable)
    return Outcome.UNKNOWN if error.sent and unclear else Outcome.FAILED


def _has_traffic(name: str, share: int) -> Rejected:
    return Rejected(
        f"{name} gets {share} % of the traffic: it is neither deleted nor written over; nothing was sent",
        code="RC399",
        hint="Plan again: the traffic is moved first.",
        sent=False,
    )

"""What the service would refuse, known before the call, and the calls of a change. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from retrainctl.definition.azureml import weights
from retrainctl.definition.azureml_ids import PAIR, last, owner
from retrainctl.fastclass import dataclass
from retrainctl.model.change import Action, Request, ResourceChange, Step
from retrainctl.model.environment import AzuremlSettings
from retrainctl.model.resource import Desired, Observed
from retrainctl.model.values import MISSING, JsonObject
from retrainctl.ports import Judgement
from retrainctl.targets.azureml import moves
from retrainctl.targets.azureml.judgement import judge
from retrainctl.targets.azureml.moves import Move
from retrainctl.targets.azureml.reading import (
    BATCH_DEFAULT,
    BATCH_DEPLOYMENT,
    DEPLOYMENT,
    TRAFFIC,
    Company,
    company,
    company_of,
)
from retrainctl.targets.azureml.requests import body, default_body, endpoint_body, maps_of, traffic_body

_WAIT: Final = "the asynchronous operation"
_CHECK: Final = "read back and compare"
_CHECKS: Final = {
    moves.SMOKE: "the deployment answers the request",
    moves.SHIFT: "the deployment is ready before, and the traffic shows after",
    moves.MIRROR: "the deployment is ready before",
    moves.RETIRE: "it has no traffic before",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AzuremlPlanner:
    """The pure half of the target: implements `ports.Planner` for all kinds of Azure Machine Learning v2."""

    settings: AzuremlSettings

    def judge(
        self, change: ResourceChange, desired: Desired | None, observed: Observed | None, facts: JsonObject
    ) -> Judgement:
        """Refusals with their fix, and what a reviewer should know."""
        return judge(change, desired, observed, facts, self.settings)

    def calm(self, observed: Observed, facts: JsonObject) -> bool:
        """Never: how a resource stands is a part of the judgement."""
        del observed, facts
        return False

    def steps(self, change: ResourceChange, observed: Observed | None) -> tuple[Step, ...]:
        """The calls in order; of a move that stopped half-way, those that are left."""
        if change.address.kind == DEPLOYMENT:
            return tuple(self._move(change, move, observed) for move in self.moves(change, observed))
        match change.action:
            case Action.NO_OP:
                names: tuple[str, ...] = (moves.UPDATE,) if observed is not None and observed.broken else ()
            case Action.REPLACE:
                names = (moves.DELETE, moves.CREATE)
            case _:
                names = (change.action.value,)
        return tuple(self._plain(change, name, observed) for name in names)

    def moves(self, change: ResourceChange, observed: Observed | None) -> Iterable[Move]:
        """The steps of an online deployment's change."""
        if observed is None:
            return moves.first_moves(change, tuple(last(change.identity).split(PAIR)))
        seen = company_of(observed)
        if change.action is Action.DELETE:
            return moves.last_moves(seen)
        return moves.moves(change, seen, self.settings.scope)

    def body(self, change: ResourceChange, name: str, document: JsonObject | None) -> Any:
        """The body of a plain step: what `perform` sends is made by the same code."""
        kind = change.address.kind
        if kind == TRAFFIC:
            return traffic_body(document or {}, *maps_of(document or {}, change.fields))
        if kind == BATCH_DEFAULT:
            return default_body(document or {}, change.fields)
        if kind in (DEPLOYMENT, BATCH_DEPLOYMENT):
            fields = change.fields
            if name == moves.SCALE:
                fields = tuple(entry for entry in fields if entry.path[0] == "sku")
            models = () if name == moves.SCALE else change.models
            location = self.settings.location
            return body(document, fields, models, location=location, batch=kind == BATCH_DEPLOYMENT)
        return endpoint_body(document, change.fields, self.settings.location)

    def path(self, change: ResourceChange, name: str = "") -> str:
        """The ARM id that a step writes to: the resource's own, or that of a deployment beside it."""
        identity = change.identity.partition("#")[0]
        return f"{owner(identity)}/deployments/{name}" if name else identity

    def shifted(self, seen: Company, name: str, percent: int) -> dict[str, int]:
        """The traffic map with `percent` of our share at `name`, the rest of it at the one that has most of it now."""
        traffic = dict(seen.traffic)
        share = seen.share or (0 if seen.others else 100)
        mine = percent * share // 100
        rest = sorted((n for n in seen.documents if n != name), key=lambda n: (-traffic.get(n, 0), n))
        for one in seen.documents:
            traffic.pop(one, None)
        traffic[name] = mine if rest else share
        if rest:
            traffic[rest[0]] = share - mine
        return weights(traffic)

    def _plain(self, change: ResourceChange, name: str, observed: Observed | None) -> Step:
        document = None if observed is None else observed.document
        return self._step(change, Move(verb=name), document)

    def _move(self, change: ResourceChange, move: Move, observed: Observed | None) -> Step:
        """One step of a deployment as the plan shows it: against what was read, not against what earlier steps make."""
        seen = None if observed is None else company_of(observed)
        if move.verb in (moves.SHIFT, moves.MIRROR):
            seen = seen or company(change.identity, {}, {})
            seen = _with(seen, move.name)
            traffic = self.shifted(seen, move.name, move.percent)
            shown = traffic_body(seen.endpoint, traffic, {})
            if move.verb == moves.MIRROR:
                shown = traffic_body(seen.endpoint, seen.traffic, {move.name: move.percent})
            return self._step(change, move, None, path=owner(change.identity), shown=shown)
        base: JsonObject | None = None
        if seen is not None and seen.serving is not None:
            base = seen.documents[seen.serving]
        return self._step(change, move, base)

    def _step(
        self,
        change: ResourceChange,
        move: Move,
        document: JsonObject | None,
        *,
        path: str | None = None,
        shown: Any = None,
    ) -> Step:
        where = path or self.path(change, move.name)
        at = f"{where}?api-version={self.settings.api_version}"
        wait = f"{_WAIT}{move.bake_text}"
        check = _CHECKS.get(move.verb, _CHECK)
        if move.verb in (moves.DELETE, moves.RETIRE):
            return Step(id=move.id, requests=(Request(method="DELETE", path=at, body=MISSING),), wait=wait, check=check)
        if move.verb == moves.SMOKE:
            request = Request(method="POST", path=f"{owner(change.identity)}/score", body=move.request)
            return Step(id=move.id, requests=(request,), check=check)
        planned = shown if shown is not None else self.body(change, move.verb, document)
        return Step(id=move.id, requests=(Request(method="PUT", path=at, body=planned),), wait=wait, check=check)


def _with(seen: Company, name: str) -> Company:
    """The company as it will be once `name` exists."""
    if name in seen.documents:
        return seen
    return Company(homes=seen.homes, endpoint=seen.endpoint, documents={**seen.documents, name: {}})

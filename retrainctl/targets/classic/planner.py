"""What the service would refuse, known before the call, and the calls of a change. Pure."""

from __future__ import annotations

from typing import Any, Final

from retrainctl.fastclass import dataclass
from retrainctl.model.change import Action, Request, ResourceChange, Step
from retrainctl.model.environment import ClassicSettings
from retrainctl.model.resource import Desired, Observed
from retrainctl.model.values import MISSING, JsonObject, Missing
from retrainctl.ports import Judgement
from retrainctl.targets.classic.ids import SERVICE, Place, parse
from retrainctl.targets.classic.judgement import is_default, judge_endpoint, judge_service
from retrainctl.targets.classic.requests import (
    TOKEN_LATER,
    StepName,
    TokenFor,
    creation_body,
    models_body,
    refresh_body,
    settings,
    step_names,
)

_METHODS: Final = {
    StepName.CREATE: "PUT",
    StepName.REFRESH: "POST",
    StepName.UPDATE: "PATCH",
    StepName.PATCH: "PATCH",
    StepName.DELETE: "DELETE",
}
_CHECKS: Final = {
    StepName.CREATE: "read back and compare",
    StepName.REFRESH: "read back whether it runs the deployment of default",
    StepName.UPDATE: "read back and compare",
    StepName.PATCH: "sent, not readable; it is served within about 30 s",
    StepName.DELETE: "read back that it is gone",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassicPlanner:
    """The pure half of the target: implements `ports.Planner` for `Endpoint` and `ClassicWebService`."""

    settings: ClassicSettings

    def judge(
        self, change: ResourceChange, desired: Desired | None, observed: Observed | None, facts: JsonObject
    ) -> Judgement:
        """Refusals with their fix, and what a reviewer should know."""
        if change.address.kind == SERVICE:
            return judge_service(change, desired, observed)
        return judge_endpoint(change, desired, observed, facts, self.settings)

    def calm(self, observed: Observed, facts: JsonObject) -> bool:
        """All but a default endpoint that somebody declares."""
        return not is_default(observed.identity, facts)

    def steps(self, change: ResourceChange, observed: Observed | None) -> tuple[Step, ...]:
        """One call per step. An adopted web service has none."""
        if change.action is Action.NO_OP or change.address.kind == SERVICE:
            return ()
        place = parse(change.identity)
        return tuple(
            Step(id=name, requests=(self._request(change, name, place),), check=_CHECKS[name])
            for name in step_names(change)
        )

    def _request(self, change: ResourceChange, name: StepName, place: Place) -> Request:
        path = f"{place.path}/refresh" if name is StepName.REFRESH else place.path
        return Request(method=_METHODS[name], path=path, body=self.body(change, name, place, lambda _: TOKEN_LATER))

    def body(self, change: ResourceChange, name: StepName, place: Place, token: TokenFor) -> Any | Missing:
        """The body of a step: what `perform` sends is made by the same code as what the plan shows."""
        match name:
            case StepName.CREATE:
                return creation_body(change, place)
            case StepName.REFRESH:
                return refresh_body(change)
            case StepName.UPDATE:
                return settings(change)
            case StepName.PATCH:
                return models_body(change, token)
            case StepName.DELETE:
                return MISSING

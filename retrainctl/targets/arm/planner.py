"""What Azure would refuse, known before the call, and the calls of a change. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from retrainctl.fastclass import dataclass
from retrainctl.model.change import Action, Request, ResourceChange, Step
from retrainctl.model.environment import ArmSettings
from retrainctl.model.resource import Desired, Observed
from retrainctl.model.values import JsonObject
from retrainctl.ports import Judgement
from retrainctl.targets.arm import billing, ids
from retrainctl.targets.arm.ids import PLAN_VERSION
from retrainctl.targets.arm.judgement import judge_plan, judge_regions, judge_service
from retrainctl.targets.arm.requests import (
    REGIONS,
    Hider,
    creation_body,
    plan_creation_body,
    plan_update_body,
    update_body,
)

SERVICE: Final = "WebService"
PLAN: Final = "CommitmentPlan"

_REGION: Final = "region-"
_WAIT = "the asynchronous operation"
_CHECK = "read back and compare"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmPlanner:
    """The pure half of the target: implements `ports.Planner` for `WebService` and `CommitmentPlan`.

    environment: its name salts the hashes of hidden values.
    """

    settings: ArmSettings
    environment: str

    def judge(
        self, change: ResourceChange, desired: Desired | None, observed: Observed | None, facts: JsonObject
    ) -> Judgement:
        """Refusals with their fix, and what a reviewer should know."""
        if change.address.kind == PLAN:
            return judge_plan(change, desired, observed, facts)
        judged = judge_service(change, desired, observed, facts)
        refused = [] if desired is None else judge_regions(desired, self.settings.api_version)
        return replace(judged, findings=(*judged.findings, *refused)) if refused else judged

    def calm(self, observed: Observed, facts: JsonObject) -> bool:
        """Never: how a resource stands is a part of the judgement."""
        del observed, facts
        return False

    def steps(self, change: ResourceChange, observed: Observed | None) -> tuple[Step, ...]:
        """One call per step; a replacement has two steps. Nothing to do, no step."""
        return tuple(
            Step(
                id=name,
                requests=(self._request(change, name, observed),),
                wait=None if change.address.kind == PLAN or name == billing.MOVE else _WAIT,
                check=_CHECK,
            )
            for name in step_names(change)
        )

    def _request(self, change: ResourceChange, name: str, observed: Observed | None) -> Request:
        if name == billing.MOVE:
            return billing.planned_request(change, observed, self.plan_id)
        path = f"{ids.parse(change.identity).path}?api-version={version_for(change, self.settings)}"
        if (region := region_of(name)) is not None:
            at, _, version = path.partition("?")
            return Request(method="POST", path=f"{at}/CreateRegionalBlob?{version}&region={quote(region, safe='')}")
        if name == "delete":
            return Request(method="DELETE", path=path)
        body = self.body(change, name, {} if observed is None else observed.document)
        shown = Hider(environment=self.environment, address=change.address).hide(body)
        return Request(method="PUT" if name == "create" else "PATCH", path=path, body=shown)

    def body(self, change: ResourceChange, name: str, document: JsonObject) -> dict[str, Any]:
        """The body of a step, secrets as references, nothing hidden: what `perform` sends is made by the same code."""
        if change.address.kind == PLAN:
            return plan_creation_body(change) if name == "create" else plan_update_body(change, document)
        if name == "create":
            return creation_body(change, self.settings.api_version, self.plan_id)
        return update_body(change, document, self.settings.api_version)

    def plan_id(self, named: str) -> str:
        """The id of a commitment plan that a manifest names by address (`CommitmentPlan/s1`), bare name or id."""
        if named.startswith("/"):
            return named
        name = named.removeprefix(f"{PLAN}/")
        return ids.commitment_plan(self.settings.subscription, self.settings.resource_group, name)


def step_names(change: ResourceChange) -> Iterator[str]:
    """The steps of a change, in order: the resource itself, then who pays, then each region that it lacks."""
    match change.action:
        case Action.CREATE:
            yield "create"
        case Action.UPDATE:
            if change.models or any(entry.path[0] not in (REGIONS, billing.FIELD) for entry in change.fields):
                yield "update"
            if any(entry.path[0] == billing.FIELD for entry in change.fields):
                yield billing.MOVE
        case Action.DELETE:
            yield "delete"
        case Action.REPLACE:
            yield from ("delete", "create")
        case Action.NO_OP:
            return
    yield from (f"{_REGION}{region}" for region in regions_of(change))


def regions_of(change: ResourceChange) -> tuple[str, ...]:
    """The regions that a change makes a copy of the encrypted parameters for."""
    wanted = change.wanted().get(REGIONS)
    return tuple(sorted(wanted)) if isinstance(wanted, Mapping) else ()


def region_of(step: str) -> str | None:
    """The region that a step is about; None for a step about the resource itself."""
    return step.removeprefix(_REGION) if step.startswith(_REGION) else None


def version_for(change: ResourceChange, settings: ArmSettings) -> str:
    """The api-version of a change's calls: commitment plans have one of their own."""
    return PLAN_VERSION if change.address.kind == PLAN else settings.api_version

"""Deploying a Classic web service from an experiment, by the Studio API (classic-api.md section 6)."""

from __future__ import annotations

from typing import Final

from retrainctl.fastclass import dataclass
from retrainctl.model.change import Request
from retrainctl.model.values import JsonObject
from retrainctl.ports import NotFound, Rejected, Waiter
from retrainctl.targets.studio.client import StudioClient
from retrainctl.targets.studio.experiments import must_have_finished, read_experiment
from retrainctl.targets.studio.waiting import StillUnderWay, wait_until

_DONE: Final = "Completed"
_ENDS: Final = frozenset({_DONE, "Failed", "Error", "Cancelled", "Canceled"})
_LIMIT: Final = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployer:
    """Deploys experiments of one workspace."""

    studio: StudioClient

    def experiment(self, reference: str) -> JsonObject:
        """The experiment of an id or a name, checked: it must have finished (the cmdlet refuses the rest too).

        Raises:
            RetrainctlError: RC940, RC941: no such experiment, or several; RC938: a draft, running, or failed.
            TargetError: it could not be read.
        """
        return must_have_finished(read_experiment(self.studio, reference))

    def request(self, identifier: str, *, update: bool) -> Request:
        """The call that deploys. update: the experiment's own service is deployed again, in place of a second one."""
        again = {"updateExistingWebService": "true"} if update else {}
        url = self.studio.url("experiments", identifier, "webservice", generateNewPortNames="false", **again)
        return Request(method="POST", path=url)

    def deploy(self, identifier: str, waiter: Waiter, *, update: bool) -> str:
        """Deploys, waits for the end, and gives the web service's id. The POST is never sent twice by itself.

        Raises:
            Rejected: the service said no, or the deployment failed or did not end within an hour.
        """
        what = f'deploy experiment "{identifier}"'
        answer = self.studio.send(self.request(identifier, update=update), what, pause=waiter.pause)
        begun = answer.object()
        waiter.sent(None, answer.request_id)

        def broken(why: str, *, status: int | None = answer.status) -> Rejected:
            """status None: nobody knows how it ends; else the service said so itself."""
            message = f"cannot {what}: the deployment is {why}"
            return Rejected(message, code="RC939", request_id=answer.request_id, status=status)

        watched = str(begun.get("ActivityId") or "")
        if not watched and _state(begun) != _DONE:
            raise broken(_state(begun))
        # The activity's id stands in the experiment's place (section 6).
        url = self.studio.url("experiments", watched, "webservice")
        try:
            activity = wait_until(
                lambda: self.studio.object(url, what, pause=waiter.pause),
                _state,
                _ENDS,
                pause=waiter.pause,
                limit=_LIMIT,
                begin=begun,
            )
        except StillUnderWay as error:
            raise broken(f"still {error.state} after an hour", status=None) from error
        except NotFound as error:
            raise Rejected(
                f"cannot {what}: the service no longer knows the deployment", code="RC939", status=404
            ) from error
        if (state := _state(activity)) != _DONE:
            raise broken(state)
        return str(activity.get("WebServiceGroupId") or "")


def deployed_service(experiment: JsonObject) -> str | None:
    """The web service that an experiment was deployed to before; None for none."""
    service = experiment.get("WebService")
    known = service.get("WebServiceGroupId") if isinstance(service, dict) else None
    return str(known) if known else None


def _state(activity: JsonObject) -> str:
    return str(activity.get("Status"))

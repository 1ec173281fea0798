"""Deploying a Classic web service from an experiment, by the Studio API (classic-api.md section 6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from retrainctl.errors import RetrainctlError
from retrainctl.fastclass import dataclass
from retrainctl.model.change import Request
from retrainctl.model.values import JsonObject
from retrainctl.ports import NotFound, Rejected, Waiter
from retrainctl.targets.azure.credentials import Auth
from retrainctl.targets.azure.pipeline import Pipeline

STUDIO_HEADER: Final = "x-ms-metaanalytics-authorizationtoken"
"""Where the Studio API takes the workspace's token, without `Bearer` (section 3)."""

_DONE: Final = "Completed"
_FAILED: Final = frozenset({"Failed", "Error", "Cancelled", "Canceled"})
_FIRST, _LONGEST, _LIMIT = 1.0, 10.0, 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployer:
    """Deploys experiments of one workspace. studio: the Studio API's base, with `/api`."""

    pipeline: Pipeline
    studio: str
    workspace: str
    auth: Callable[[], Auth]

    def experiment(self, identifier: str) -> JsonObject:
        """The experiment, checked: it must have finished (the cmdlet refuses the rest too).

        Raises:
            NotFound: the workspace has no such experiment.
            RetrainctlError: RC938: it is a draft, runs, or has failed.
        """
        what = f'read experiment "{identifier}"'
        found = self.pipeline.call(
            "GET", f"{self.studio}{self._path(identifier)}", what=what, auth=self.auth()
        ).object()
        status = found.get("Status")
        state = str(status.get("StatusCode") if isinstance(status, dict) else status)
        if state != "Finished":
            raise RetrainctlError(
                f'experiment "{found.get("Description") or identifier}" is {state}, not Finished',
                code="RC938",
                hint="Run it to its end first: `retrainctl experiment run`.",
            )
        return found

    def request(self, identifier: str, *, update: bool) -> Request:
        """The call that deploys. update: the experiment's own service is deployed again, in place of a second one."""
        again = "&updateExistingWebService=true" if update else ""
        return Request(
            method="POST",
            path=f"{self.studio}{self._path(identifier)}/webservice?generateNewPortNames=false{again}",
        )

    def deploy(self, identifier: str, waiter: Waiter, *, update: bool) -> str:
        """Deploys, waits for the end, and gives the web service's id. The POST is never sent twice by itself.

        Raises:
            Rejected: the service said no, or the deployment failed or did not end within an hour.
        """
        what = f'deploy experiment "{identifier}"'
        answer = self.pipeline.call(
            "POST",
            self.request(identifier, update=update).path,
            what=what,
            auth=self.auth(),
            content=b"",
            pause=waiter.pause,
        )
        activity = answer.object()
        waiter.sent(None, answer.request_id)
        watched = str(activity.get("ActivityId") or "")
        wait, waited = _FIRST, 0.0
        while (state := str(activity.get("Status"))) != _DONE:
            if state in _FAILED or not watched or waited >= _LIMIT:
                why = state if waited < _LIMIT else f"still {state} after an hour"
                raise Rejected(f"cannot {what}: the deployment is {why}", code="RC939", request_id=answer.request_id)
            waiter.pause(wait)
            waited, wait = waited + wait, min(wait * 1.5, _LONGEST)
            # The activity's id stands in the experiment's place (section 6).
            url = f"{self.studio}{self._path(watched)}/webservice"
            try:
                activity = self.pipeline.call("GET", url, what=what, auth=self.auth(), pause=waiter.pause).object()
            except NotFound as error:
                raise Rejected(
                    f"cannot {what}: the service no longer knows the deployment", code="RC939", status=404
                ) from error
        return str(activity.get("WebServiceGroupId") or "")

    def _path(self, identifier: str) -> str:
        return f"/workspaces/{quote(self.workspace, safe='')}/experiments/{quote(identifier, safe='')}"


def deployed_service(experiment: JsonObject) -> str | None:
    """The web service that an experiment was deployed to before; None for none."""
    service = experiment.get("WebService")
    known = service.get("WebServiceGroupId") if isinstance(service, dict) else None
    return str(known) if known else None

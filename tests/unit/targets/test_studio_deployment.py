"""Deploying an experiment as a Classic web service, by the Studio API (classic-api.md section 6)."""

from __future__ import annotations

from typing import Any

import pytest

from retrainctl.errors import RetrainctlError, UsageError
from retrainctl.model.values import Secret
from retrainctl.operations.classic_services import deployment_of
from retrainctl.ports import Rejected
from retrainctl.targets.azure.credentials import KeyAuth
from retrainctl.targets.studio.client import STUDIO_HEADER, StudioClient
from retrainctl.targets.studio.deployment import Deployer
from tests.support.wire import FakeWaiter, Reply, Wire, wire

STUDIO = "https://studioapi.azureml.net/api"
FINISHED = {
    "Description": "Census",
    "Status": {"StatusCode": "Finished"},
    "WebService": {"WebServiceGroupId": "a" * 32},
}


def _deployer(replies: list[Reply | Exception]) -> tuple[Wire, Deployer]:
    made = wire(replies, hosts=(STUDIO,))
    key = KeyAuth(secret=Secret("workspace-token"), header=STUDIO_HEADER, prefix="")
    studio = StudioClient(pipeline=made.pipeline, studio=STUDIO, workspace="ws", auth=lambda: key)
    return made, Deployer(studio=studio)


def _status(state: str, **more: Any) -> Reply:
    return Reply(body={"ActivityId": "act", "Status": state, **more})


def test_it_is_sent_once_and_watched_by_its_activity_until_it_is_done() -> None:
    made, deployer = _deployer(
        [_status("Pending"), _status("Pending"), _status("Completed", WebServiceGroupId="b" * 32)]
    )
    waiter = FakeWaiter(made.clock)
    assert deployer.deploy("ws.f-id.1", waiter, update=True) == "b" * 32
    post, *polls = made.calls
    assert (post.method, post.body) == ("POST", None)
    assert post.url == (
        f"{STUDIO}/workspaces/ws/experiments/ws.f-id.1/webservice?generateNewPortNames=false&updateExistingWebService=true"
    )
    assert post.headers[STUDIO_HEADER] == "workspace-token"
    assert [poll.path for poll in polls] == ["api/workspaces/ws/experiments/act/webservice"] * 2
    assert len(waiter.pauses) == 2, "it pauses between polls"


@pytest.mark.parametrize("state", ["Failed", "Cancelled", "Canceled"])
def test_every_end_is_an_end(state: str) -> None:
    made, deployer = _deployer([_status("Pending"), _status(state)])
    with pytest.raises(Rejected, match=state) as caught:
        deployer.deploy("e", FakeWaiter(made.clock), update=False)
    assert caught.value.code == "RC939"


def test_it_does_not_wait_for_ever() -> None:
    made = wire(lambda _: _status("Pending"), hosts=(STUDIO,))
    key = KeyAuth(secret=Secret("t"), header=STUDIO_HEADER, prefix="")
    deployer = Deployer(studio=StudioClient(pipeline=made.pipeline, studio=STUDIO, workspace="ws", auth=lambda: key))
    with pytest.raises(Rejected, match="after an hour"):
        deployer.deploy("e", FakeWaiter(made.clock), update=False)


def test_only_a_finished_experiment_is_deployed() -> None:
    _, deployer = _deployer([Reply(body={**FINISHED, "Status": {"StatusCode": "InDraft"}})])
    with pytest.raises(RetrainctlError, match='"Census" is InDraft') as caught:
        deployer.experiment(f"ws.f-id.{'1' * 32}")
    assert caught.value.code == "RC938"


def test_a_second_service_needs_a_word() -> None:
    with pytest.raises(UsageError, match="was deployed before"):
        deployment_of(FINISHED, "e", update=False, new=False)
    assert deployment_of(FINISHED, "e", update=True, new=False).again
    assert not deployment_of(FINISHED, "e", update=False, new=True).again
    assert not deployment_of({**FINISHED, "WebService": None}, "e", update=True, new=False).again

"""The workspace, its users, annotations, projects, notebooks and gateways (classic-api.md sections 6, 6.1)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from retrainctl.errors import RetrainctlError
from retrainctl.model.values import Secret
from retrainctl.ports import Rejected, TargetError, Unavailable
from retrainctl.targets.azure.credentials import KeyAuth
from retrainctl.targets.studio import others, workspace
from retrainctl.targets.studio.client import STUDIO_HEADER, StudioClient
from tests.support.wire import FakeWaiter, Reply, Wire, arm_error, wire

STUDIO = "https://studioapi.azureml.net/api"
X = "api/workspaces/ws"
FAMILY = "0123456789abcdef0123456789abcdef"
CANARY = "canary-1f5c2b7d"


def _studio(*replies: Reply | Exception) -> tuple[Wire, StudioClient]:
    made = wire(list(replies), hosts=(STUDIO,))
    key = KeyAuth(secret=Secret("workspace-token"), header=STUDIO_HEADER, prefix="")
    return made, StudioClient(pipeline=made.pipeline, studio=STUDIO, workspace="ws", auth=lambda: key)


def test_a_workspace_is_read_without_anything_that_opens_it() -> None:
    secret = {
        "AuthorizationToken": {"PrimaryToken": CANARY, "SecondaryToken": CANARY},
        "UserStorageKey": CANARY,
        "HDInsightClusterConnectionString": f"https://x;user;{CANARY}",
        "HDInsightStorageConnectionString": f"AccountKey={CANARY}",
        "MsIdentityCertificate": CANARY,
    }
    named = {"WorkspaceId": "ws", "UserStorage": "account", "NotKnownYet": 1, "MsIdentity": {"ClientId": "c"}}
    identity = {"MsIdentity": {"ClientId": "c", "Certificate": CANARY}}
    made, studio = _studio(Reply(body={**named, **secret, **identity}))
    assert workspace.read_workspace(studio) == named
    assert [(call.method, call.path) for call in made.calls] == [("GET", X)]


def test_users_as_the_service_has_them() -> None:
    user = {"Status": "Active", "User": {"Email": "a@x.org", "Name": "a", "Role": "Owner", "UserId": "1"}}
    made, studio = _studio(Reply(body=[user]))
    assert workspace.list_users(studio) == [user]
    assert made.calls[0].path == f"{X}/users"


def _invite(*replies: Reply | Exception, emails: tuple[str, ...] = ("a@x.org", "b@x.org")) -> Wire:
    made, studio = _studio(*replies)
    workspace.invite(studio, emails, "Owner", FakeWaiter(made.clock))
    return made


def test_an_invitation_is_json_first() -> None:
    made = _invite(Reply())
    assert [call.body for call in made.calls] == [{"Role": "Owner", "Emails": "a@x.org,b@x.org"}]
    assert made.calls[0].path == f"{X}/invitations"


def test_a_body_that_is_refused_is_sent_once_more_as_azuremlps_wrote_it() -> None:
    made = _invite(Reply(400, arm_error("BadArgument", "Invalid argument.")), Reply())
    assert made.calls[1].body == '{Role: "Owner", Emails: "a@x.org,b@x.org"}'
    assert made.calls[1].headers[STUDIO_HEADER] == "workspace-token"
    assert made.calls[1].headers["Content-Type"].startswith("application/json")


@pytest.mark.parametrize("status", [401, 403, 404, 409])
def test_no_other_refusal_is_answered_with_the_loose_form(status: int) -> None:
    made, studio = _studio(Reply(status, arm_error("No", "no")))
    with pytest.raises(TargetError):
        workspace.invite(studio, ["a@x.org"], "User", FakeWaiter(made.clock))
    assert len(made.calls) == 1


def test_a_lost_answer_is_no_reason_to_invite_twice() -> None:
    from azure.core.exceptions import ServiceResponseError

    made, studio = _studio(ServiceResponseError("gone"))
    with pytest.raises(TargetError) as caught:
        workspace.invite(studio, ["a@x.org"], "User", FakeWaiter(made.clock))
    assert caught.value.sent
    assert len(made.calls) == 1


def test_both_reasons_are_told_when_both_forms_are_refused() -> None:
    first, second = arm_error("BadArgument", "The role is unknown."), arm_error("BadArgument", "Not JSON.")
    with pytest.raises(Rejected, match=r"The role is unknown.*unquoted.*Not JSON"):
        _invite(Reply(400, first), Reply(400, second))


def test_an_invitation_that_failed_for_one_is_no_success() -> None:
    told = [{"Email": "a@x.org", "Failed": False}, {"Email": "b@x.org", "Failed": True, "ErrorMessage": "no account"}]
    with pytest.raises(RetrainctlError, match=r"1 of 2 .* b@x\.org: no account") as caught:
        _invite(Reply(body=told))
    assert caught.value.code == "RC951"


def test_addresses_come_one_by_one_or_with_commas_between() -> None:
    assert workspace.addresses_in(["a@x.org, b@x.org", "A@X.org", "ü@x.org,"]) == ["A@X.org", "b@x.org", "ü@x.org"]


@pytest.mark.parametrize("given", [[], [""], ["nobody"], ['a"b@x.org'], ["a@b@c"], ["a b@x.org"], ["a@x.org}"]])
def test_what_is_no_address_is_never_sent(given: list[str]) -> None:
    with pytest.raises(RetrainctlError) as caught:
        workspace.addresses_in(given)
    assert caught.value.code == "RC950"


def test_all_wrong_addresses_are_named_at_once() -> None:
    with pytest.raises(RetrainctlError, match='"one", "two"'):
        workspace.addresses_in(["one,ok@x.org", "two"])


@pytest.mark.parametrize(
    ("read", "path"),
    [
        (others.list_projects, "projectcontainers"),
        (others.list_notebooks, "notebooks"),
        (others.list_gateways, "gateways"),
        (lambda studio: others.list_annotations(studio, "ws.f-id.1"), "experiments/ws.f-id.1/annotations"),
    ],
)
def test_lists_keep_every_member_but_secrets(read: Any, path: str) -> None:
    item = {"Name": "one", "NotKnownYet": [1]}
    made, studio = _studio(Reply(body=[{**item, "RegistrationKey": CANARY}]), Reply())
    assert read(studio) == [item]
    assert made.calls[0].path == f"{X}/{path}"
    assert read(studio) == [], "an answer without a body is an empty list"


def test_attachments_are_names() -> None:
    made, studio = _studio(Reply(body=["a.csv", "ü b.csv"]), Reply(body={"a": 1}))
    assert others.list_attachments(studio, FAMILY) == ["a.csv", "ü b.csv"]
    assert made.calls[0].path == f"{X}/notebooks/family/{FAMILY}/attachments"
    with pytest.raises(Unavailable, match="not a list of names"):
        others.list_attachments(studio, FAMILY)


def test_a_session_is_opened_once_and_can_be_shown_without_its_tokens() -> None:
    answer = {
        "AuthenticationUri": f"https://notebooks.example/auth?token={CANARY}",
        "SessionUri": f"https://user:{CANARY}@notebooks.example/nb/1?t={CANARY}#{CANARY}",
        "OriginUri": "https://notebooks.example",
    }
    made, studio = _studio(Reply(body=answer))
    opened = others.open_session(studio, FAMILY)
    assert opened == answer
    assert [(call.method, call.path, call.body) for call in made.calls] == [
        ("POST", f"{X}/notebooks/family/{FAMILY}/session", None)
    ]
    bare = others.without_keys(opened)
    assert CANARY not in json.dumps(bare)
    assert bare["SessionUri"] == "https://notebooks.example/nb/1"


def test_a_session_is_not_opened_twice_after_a_lost_answer() -> None:
    from azure.core.exceptions import ServiceResponseError

    made, studio = _studio(ServiceResponseError("gone"))
    with pytest.raises(TargetError):
        others.open_session(studio, FAMILY)
    assert len(made.calls) == 1

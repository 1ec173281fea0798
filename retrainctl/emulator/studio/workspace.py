"""The workspace, its users, and inviting them (classic-api.md section 6)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from retrainctl.emulator.classic.dialect import bad_argument, json_body
from retrainctl.emulator.exchange import Answer, Call, Refusal
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.identity import REGION, SUBSCRIPTION, TENANT, WORKSPACE
from retrainctl.emulator.routing import Route
from retrainctl.emulator.studio.dialect import StudioDialect, date
from retrainctl.emulator.studio.records import Records

BASE: Final = "/api/workspaces/{workspace}"

_OWNER: Final = "owner@example.com"
_MEMBER: Final = re.compile(r'"?(\w+)"?\s*:\s*"([^"]*)"')


class Workspace:
    """The handlers."""

    def __init__(self, frame: Frame, records: Records) -> None:
        self._frame = frame
        self._records = records

    def routes(self, dialect: StudioDialect) -> Iterable[Route]:
        for method, pattern, handler in (
            ("GET", BASE, self._get),
            ("GET", BASE + "/users", self._users),
            ("POST", BASE + "/invitations", self._invite),
        ):
            yield Route(methods=method, pattern=pattern, handler=handler, dialect=dialect)

    def _get(self, call: Call) -> Answer:
        """6.1; both tokens are the emulator's one token."""
        del call
        token = self._frame.identity.token
        body: dict[str, Any] = {
            "WorkspaceId": WORKSPACE,
            "FriendlyName": "local",
            "Description": "",
            "UseDefaultHDInsightSettings": True,
            "AuthorizationToken": {"PrimaryToken": token, "SecondaryToken": token},
            "OwnerEmail": _OWNER,
            "UserStorage": "mlstudiostorage",
            "SubscriptionId": SUBSCRIPTION,
            "Region": REGION,
            "WorkspaceStatus": "Enabled",
            "Type": "Production",
            "CreatedTime": date(0),
            "TenantId": TENANT,
        }
        return Answer(body=body)

    def _users(self, call: Call) -> Answer:
        del call
        users = [_user("Active", _OWNER, "Owner"), *(_user("Invited", *one) for one in self._records.invitations())]
        return Answer(body=users)

    def _invite(self, call: Call) -> Answer:
        """Adds people; a repeated invitation changes the role."""
        given = self._invitation(call)
        emails = [email.strip() for email in given.get("Emails", "").split(",") if email.strip()]
        if not emails:
            raise bad_argument("BadParameterValue", "Emails is missing.")
        if given.get("Role") not in ("User", "Owner"):
            raise bad_argument("BadParameterValue", "Role must be User or Owner.")
        for email in emails:
            self._records.invite(email, given["Role"])
        return Answer(wrote=True)

    def _invitation(self, call: Call) -> dict[str, str]:
        """The known client leaves names unquoted; whether strict JSON is taken too is not known (6)."""
        form = self._frame.knobs.text("studio-invitations")
        try:
            strict = json_body(call)
        except Refusal:
            if form == "strict":
                raise
            return dict(_MEMBER.findall(call.body.decode("utf-8", "replace")))
        if form == "loose":
            raise bad_argument("RequestBodyInvalid", "The names of the members must not be quoted.")
        return {name: value for name, value in strict.items() if isinstance(value, str)}


def _user(status: str, email: str, role: str) -> dict[str, Any]:
    user = {"Email": email, "Name": email.partition("@")[0], "Role": role, "UserId": email}
    return {"Status": status, "User": user}

"""Modules of a workspace, and custom ones made of a zip (classic-api.md section 6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from retrainctl.model.change import Request
from retrainctl.model.values import JsonObject
from retrainctl.ports import Rejected, Waiter
from retrainctl.targets.studio.client import StudioClient, told_id
from retrainctl.targets.studio.uploads import Parcel, upload
from retrainctl.targets.studio.waiting import StillUnderWay, wait_until

BUILD_LIMIT: Final = 3600.0
_PENDING: Final = "Pending"
_DONE: Final = "Finished"
_ENDED: Final = "ended"


def list_modules(studio: StudioClient, *, custom: bool = False) -> list[JsonObject]:
    """The modules that an experiment can use, those of the service too; `custom`: only the workspace's own."""
    found = studio.items(studio.url("modules"), "list modules")
    return [one for one in found if str(one.get("ReleaseState")).casefold() == "custom"] if custom else found


def build_request(studio: StudioClient, metadata: JsonObject) -> Request:
    """The call that makes a custom module of an upload; its body is what the service said of the upload."""
    return Request(method="POST", path=studio.url("modules", "custom"), body=metadata)


def create(studio: StudioClient, parcel: Parcel, waiter: Waiter, told: Callable[[int], None]) -> str:
    """Uploads a zip, has a custom module made of it, and waits for it; gives the module's id.

    Args:
        told: hears how many blocks are there.

    Raises:
        Rejected: RC963: it was not made, with the service's reason, or is not there after an hour.
        TargetError: the service took it not.
        StopWaiting: the run was told to end.
    """
    metadata = upload(studio, parcel, waiter, told)
    what = f"make a custom module of {parcel.file_name}"
    answer = studio.send(build_request(studio, metadata), what, pause=waiter.pause)
    waiter.sent(None, answer.request_id)
    activity = told_id(answer)
    if activity is None:
        raise Rejected(
            f"cannot {what}: the service does not tell the activity's id",
            code="RC963",
            hint="`retrainctl module list --custom` shows whether it was made.",
            request_id=answer.request_id,
        )
    url = studio.url("modules", "custom", activityGroupId=activity)
    try:
        found = wait_until(
            lambda: studio.read(url, what, pause=waiter.pause),
            # Every word but `Pending` is an end, and none but `Finished` a good one (section 6).
            lambda status: _PENDING if _state(status).casefold() == _PENDING.casefold() else _ENDED,
            {_ENDED},
            pause=waiter.pause,
            limit=BUILD_LIMIT,
        )
    except StillUnderWay as error:
        raise Rejected(
            f"cannot {what}: still {error.state} after an hour",
            code="RC963",
            hint="`retrainctl module list --custom` shows whether it was made later.",
            request_id=answer.request_id,
        ) from error
    state, said = _state(found), _said(found)
    if state.casefold() != _DONE.casefold():
        raise Rejected(
            f"cannot {what}: {said or state}",
            code="RC963",
            hint="Mend the definition or the script, and run again.",
            request_id=answer.request_id,
        )
    return said


def _state(status: Any) -> str:
    """The first of `[status, module id or error]`; the whole of an answer in another form."""
    return str(status[0]) if isinstance(status, list) and status else str(status)


def _said(status: Any) -> str:
    return str(status[1]) if isinstance(status, list) and len(status) > 1 and status[1] is not None else ""

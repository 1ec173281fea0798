"""Packages: an experiment with all that it needs, on its way to another workspace (classic-api.md section 6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from retrainctl.errors import RetrainctlError
from retrainctl.model.change import Request
from retrainctl.model.values import JsonObject
from retrainctl.ports import TargetError, Waiter
from retrainctl.targets.studio.client import StudioClient
from retrainctl.targets.studio.experiments import id_of, name_of
from retrainctl.targets.studio.waiting import StillUnderWay, wait_until

_DONE: Final = frozenset({"complete", "completed"})
_ENDS: Final = frozenset({*_DONE, "failed", "error", "cancelled", "canceled"})
"""`Complete` is known; the rest are guesses, so that no end is missed."""

_LIMIT: Final = 3600.0
_VERSION: Final = "2.0"


def pack_request(studio: StudioClient, experiment: JsonObject) -> Request:
    """The call that packs an experiment, credentials in it cleared.

    The stray slash behind the id is what the only known client sends.
    """
    identifier = quote(id_of(experiment), safe="")
    query = f"api-version={_VERSION}&experimentid={identifier}/&clearCredentials=true&includeAuthorId=false"
    return Request(method="POST", path=f"{studio.url('packages')}?{query}")


def pack(studio: StudioClient, experiment: JsonObject, waiter: Waiter) -> JsonObject:
    """Packs an experiment; gives the activity at its end, `Location` being the package, signed.

    Raises:
        RetrainctlError: RC948: packing failed, or gave no package.
        TargetError: RC948: it did not end within an hour; or the service refused or could not be reached.
    """
    what = f'pack experiment "{name_of(experiment)}"'
    ended = _carry_out(studio, pack_request(studio, experiment), "packageActivityId", what, waiter)
    if not ended.get("Location"):
        raise RetrainctlError(f"cannot {what}: the service does not say where the package is", code="RC948")
    return ended


def unpack_request(studio: StudioClient, package: str, region: str) -> Request:
    """The call that makes an experiment from a package. region: the location that the package comes from."""
    query = {"api-version": _VERSION, "packageUri": package, "region": region_of(region)}
    return Request(method="PUT", path=studio.url("packages", **query))


def unpack(studio: StudioClient, package: str, region: str, waiter: Waiter) -> JsonObject:
    """Makes an experiment from a package; gives the activity at its end. Raises as `pack`."""
    request = unpack_request(studio, package, region)
    return _carry_out(studio, request, "unpackActivityId", "unpack the package", waiter)


def region_of(location: str) -> str:
    """A location as the packages call it: `SouthCentralUS` for South Central US."""
    return "".join(location.split())


def _carry_out(studio: StudioClient, request: Request, asked: str, what: str, waiter: Waiter) -> JsonObject:
    answer = studio.send(request, what, pause=waiter.pause)
    waiter.sent(None, answer.request_id)
    begun = answer.object()

    activity = str(begun.get("ActivityId") or "")
    if not activity and _state(begun).casefold() not in _ENDS:
        raise _broken(what, f"{_state(begun)}, and has no id")
    look = _looking(studio, studio.url("packages", **{asked: activity}), what, waiter)
    try:
        ended = wait_until(look, _state, _ENDS, pause=waiter.pause, limit=_LIMIT, begin=begun)
    except StillUnderWay as error:
        # Not failed: nobody knows how it will end.
        raise TargetError(
            f"cannot {what}: the activity is still {error.state} after an hour",
            code="RC948",
            request_id=answer.request_id,
        ) from error
    if _state(ended).casefold() not in _DONE:
        raise _broken(what, _state(ended))
    return ended


def _broken(what: str, why: str) -> RetrainctlError:
    return RetrainctlError(f"cannot {what}: the activity is {why}", code="RC948")


def _looking(studio: StudioClient, url: str, what: str, waiter: Waiter) -> Callable[[], JsonObject]:
    return lambda: studio.object(url, what, pause=waiter.pause)


def _state(activity: JsonObject) -> str:
    return str(activity.get("Status"))

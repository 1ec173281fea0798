"""What azure-storage-blob says went wrong, in our words. No message holds a signature."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from retrainctl.ports import AuthFailed, Conflict, NotFound, Rejected, TargetError, Throttled, Unavailable
from retrainctl.targets.blob.place import BlobPlace

if TYPE_CHECKING:
    from azure.core.exceptions import AzureError, HttpResponseError

Expiry = Callable[[BlobPlace], datetime | None]

_TAKEN = frozenset({"BlobAlreadyExists", "ConditionNotMet", "UnmodifiedSinceConditionNotMet"})


@contextmanager
def told(place: BlobPlace, doing: str, expiry: Expiry) -> Iterator[None]:
    """Turns the library's errors into `TargetError`s. `doing` is a verb (`read`), `expiry` tells when a SAS ends."""
    from azure.core.exceptions import AzureError, HttpResponseError

    try:
        yield
    except HttpResponseError as error:
        raise _from_answer(error, place, doing, expiry) from error
    except AzureError as error:
        raise _without_answer(error, place, doing) from error


def _from_answer(error: HttpResponseError, place: BlobPlace, doing: str, expiry: Expiry) -> TargetError:
    code, status = _code(error), error.status_code or 0
    said = f"cannot {doing} {place.uri}: "
    more: dict[str, Any] = {"status": status, "service_code": code, "request_id": _request_id(error)}
    if code == "ContainerNotFound":
        return NotFound(
            f"{said}storage account {place.account} has no container {place.container}",
            code="RC663",
            hint=f"Create it: az storage container create --name {place.container} --account-name {place.account}",
            **more,
        )
    if status == 404:
        return NotFound(
            f"there is no blob {place.uri}",
            code="RC653",
            hint="Check the URI. A blob that was deleted may be restored with soft delete.",
            **more,
        )
    if status in (401, 403):
        return _refused(place, said, code, expiry, more)
    if status in (409, 412):
        if doing == "write" and code in _TAKEN:
            what, hint = "the blob is there already", "Give every trained model a blob of its own."
        else:
            what, hint = f"it is not as it was ({code})", "Run again; find out who writes to it."
        return Conflict(said + what, code="RC657", hint=hint, **more)
    if status == 429 or code == "ServerBusy":
        return Throttled(f"{said}the storage account is busy", hint="Wait, then run again.", **more)
    if status >= 500:
        return Unavailable(f"{said}answer {status} ({code})", code="RC656", hint="Run again later.", **more)
    return Rejected(f"{said}answer {status} ({code})", hint="See the service's code above.", **more)


def _refused(place: BlobPlace, said: str, code: str, expiry: Expiry, more: dict[str, Any]) -> AuthFailed:
    ends = expiry(place)
    if ends is not None and ends <= datetime.now(UTC):
        return AuthFailed(
            f"{said}its shared access signature ended at {ends:%Y-%m-%dT%H:%M:%SZ}",
            code="RC655",
            hint="Make a new one, or use the account's key or azure-identity.",
            **more,
        )
    if code == "AuthenticationFailed":
        why, hint = "the account does not accept the key or signature", "Check that it is the account's current one."
    elif code == "AuthorizationPermissionMismatch":
        why = "the identity or signature may not do this"
        hint = "Ask for the role Storage Blob Data Reader (to upload: Contributor), or set the account's key."
    else:
        why, hint = f"access is refused ({code})", "Check the account's key, its firewall and your roles on it."
    return AuthFailed(said + why, code="RC654", hint=hint, **more)


def _without_answer(error: AzureError, place: BlobPlace, doing: str) -> TargetError:
    """The library hands its own failure to sign over as an `AzureError` too."""
    from azure.core.exceptions import ServiceRequestError

    if type(error).__name__ == "AzureSigningError":
        return AuthFailed(
            f"cannot {doing} {place.uri}: the key of storage account {place.account} is not valid",
            code="RC666",
            hint="Copy the key again (`az storage account keys list`).",
            sent=False,
        )
    sent = not isinstance(error, ServiceRequestError)
    why = "the connection broke" if sent else "there is no connection"
    return Unavailable(
        f"cannot {doing} {place.uri}: {why} to storage account {place.account}",
        code="RC656",
        hint="Check the account's name and the network, then run again.",
        sent=sent,
    )


def _code(error: HttpResponseError) -> str:
    """The service's own word; azure-storage-blob adds it to azure-core's error."""
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or error.status_code)


def _request_id(error: HttpResponseError) -> str | None:
    headers = getattr(error.response, "headers", None)
    return headers.get("x-ms-request-id") if headers is not None else None

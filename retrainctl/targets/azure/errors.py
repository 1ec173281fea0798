"""Failures of a call in our own words: azure-core's exceptions and error answers become `TargetError`s here, once."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Final, cast

from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)
from azure.core.rest import HttpResponse

from retrainctl.fastclass import dataclass
from retrainctl.ports import AuthFailed, Conflict, NotFound, Rejected, TargetError, Throttled, Unavailable
from retrainctl.targets.azure.fault import Fault, read_fault
from retrainctl.targets.azure.hosts import Origin, is_loopback, origin_of
from retrainctl.targets.azure.retry import Trouble
from retrainctl.targets.azure.transport import NotTrusted, ProxyFailed

_REQUEST_ID: Final = ("x-ms-request-id", "request-id", "x-ms-correlation-request-id")

_HINTS: Final[Mapping[str, str]] = {
    "cannotchangestorageaccount": (
        "The storage account of a service cannot be changed: leave storageAccount.name as it is, or make a new service."
    ),
    "expirytimeinthepast": "Set diagnostics.expiry to a time that is still to come, or leave it out.",
    "incompletesettings": "diagnostics needs a level: None, Error or All.",
    "missingkeys": "Give both keys, primary and secondary, or none.",
    "webserviceconcurrentrequestrequirementinvalid": "realtimeConfiguration.maxConcurrentCalls goes from 4 to 200.",
    "webservicetoomanyconcurrentrequestrequirement": "realtimeConfiguration.maxConcurrentCalls goes from 4 to 200.",
    "blobnotfound": "Check that the blob exists and that the service's storage account can read it.",
    "invalidblob": "Check that the URI names a readable `.ilearner` blob.",
    "modelpackageinvalid": "The blob is not a model that the service can load: check that it is the `.ilearner`.",
    "perregionpayloadnotfound": "Create the regional properties for that region first, then read again.",
    "updatewebserviceresourcefailed": "Check that the model's blob exists, is readable, and is an `.ilearner`.",
    "missingsubscriptionregistration": (
        "Register the provider once: `az provider register --namespace Microsoft.MachineLearning`."
    ),
    "requestdisallowedbypolicy": "An Azure policy forbids this: ask who runs the subscription.",
    "scopelocked": "The resource or its group is locked: take the lock away first.",
    "noregisteredproviderfound": (
        "The service was retired on 31 August 2024 and new resources are no longer made: plan against the emulator."
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One attempt that did not succeed: what a retry is decided by, and the error that it would end in."""

    trouble: Trouble
    error: TargetError


def request_id_of(headers: Mapping[str, str]) -> str | None:
    """The id that the service gave the call; its support asks for it."""
    return next((value for name in _REQUEST_ID if (value := headers.get(name))), None)


def from_exception(error: AzureError, origin: Origin) -> Failure:
    """A call without an answer."""
    cause = error.inner_exception
    if isinstance(error, HttpResponseError) and error.response is not None:
        response = cast("HttpResponse", error.response)
        return Failure(
            trouble=Trouble.FINAL,
            error=from_answer(response.status_code, response.headers, response.content, origin),
        )
    if isinstance(error, ServiceRequestError):
        return _not_sent(error, cause, origin)
    timeout = isinstance(error, ServiceResponseTimeoutError)
    text = "gave no answer in time" if timeout else "closed the connection without a complete answer"
    if not isinstance(error, ServiceResponseError):
        text = f"gave an answer that cannot be read ({type(error).__name__})"
    return Failure(
        trouble=Trouble.LOST,
        error=Unavailable(
            f"{origin.host} {text}; the request may have been carried out",
            code="RC316" if timeout else "RC313",
            hint="Look at the resource, or plan again: what is live now decides.",
        ),
    )


def _not_sent(error: ServiceRequestError, cause: BaseException | None, origin: Origin) -> Failure:
    trouble, code = Trouble.NOT_SENT, "RC312"
    text = f"no connection to {origin}"
    hint = "Check the network, and the address in the environment's settings."
    if isinstance(error, NotTrusted):
        trouble, code = Trouble.HOPELESS, "RC314"
        why = getattr(cause, "verify_message", None) or getattr(cause, "reason", None) or str(cause or error)
        text = f"{origin} has no certificate that is trusted here: {why}"
        hint = "If a proxy or a private authority signs it, name its certificate file in RETRAINCTL_CA_FILE."
        if why == "WRONG_VERSION_NUMBER":
            text, hint = f"{origin} does not speak TLS", "Check the address and the port."
    elif isinstance(error, ProxyFailed):
        trouble, code = Trouble.HOPELESS, "RC315"
        text = f"{error.message}: {cause}"
        hint = "Check HTTPS_PROXY (user and password included) and NO_PROXY."
    elif isinstance(error, ServiceRequestTimeoutError):
        code, text = "RC316", f"no connection to {origin} in time"
        hint = "Check the network, a firewall, and whether a proxy must be set in HTTPS_PROXY."
    elif isinstance(cause, socket.gaierror):
        text = f"the name {origin.host} cannot be resolved"
    elif isinstance(cause, ConnectionRefusedError):
        text = f"nothing listens at {origin}"
        if is_loopback(origin.host):
            trouble, hint = Trouble.HOPELESS, "Start the emulator: `retrainctl emulator up`."
    return Failure(trouble=trouble, error=Unavailable(text, code=code, hint=hint, sent=False))


def from_answer(status: int, headers: Mapping[str, str], body: bytes, origin: Origin) -> TargetError:
    """An answer that is an error, or not what this service answers at all (a redirect, a proxy's page)."""
    fault = read_fault(body, headers)
    kind, code, hint = _sort(status, headers, fault)
    if fault.specific is None and status != 404 and "json" not in headers.get("content-type", "json"):
        hint = f"The answer is not from the service itself: a proxy or gateway may stand before {origin.host}. {hint}"
    hint = next((_HINTS[c.casefold()] for c in reversed(fault.codes) if c.casefold() in _HINTS), hint)
    said = fault.sentence()
    name = f" {fault.specific}" if fault.specific else ""
    return kind(
        f"{origin.host} answered {status}{name}" + (f": {said}" if said else ""),
        code=code,
        hint=hint,
        status=status,
        service_code=fault.specific,
        request_id=request_id_of(headers),
    )


def from_trouble(trouble: Trouble, response: HttpResponse) -> Failure:
    """An answer that a retry may mend. A 503 that declines is as clear as a 429: nothing was done."""
    origin = origin_of(response.url)
    error = from_answer(response.status_code, response.headers, response.content, origin)
    if trouble is Trouble.REFUSED_FOR_NOW and not isinstance(error, Throttled):
        error = Throttled(
            error.message,
            hint=_LATER,
            status=error.status,
            service_code=error.service_code,
            request_id=error.request_id,
        )
    return Failure(trouble=trouble, error=error)


_LATER: Final = "Too many calls for the service: wait, then run again with a smaller --parallel."


def _sort(status: int, headers: Mapping[str, str], fault: Fault) -> tuple[type[TargetError], str, str]:
    """The kind of failure, its code and the next step."""
    codes = {code.casefold() for code in fault.codes}
    if status == 401:
        if "invalidauthenticationtokentenant" in codes:
            return AuthFailed, "RC301", "The token is of another tenant: set `tenant` in the environment's `arm:`."
        return AuthFailed, "RC301", "Sign in again (`az login`), or check that the token or key is the current one."
    if status == 403:
        return AuthFailed, "RC310", "Ask for the role Contributor on the resource group, or use another account."
    if status == 404 or codes & {"subscriptionnotfound", "invalidsubscriptionid"}:
        return _sort_missing(headers, codes)
    if status in (409, 412):
        return Conflict, "RC303", "Something else is changing it, or it is not as it was planned: plan again."
    if status == 429:
        return Throttled, "RC304", _LATER
    if status >= 500 or status == 408:
        return Unavailable, "RC306", "The service has trouble: try again later; `retrainctl plan` shows what is live."
    if 300 <= status < 400:
        return Rejected, "RC317", "A redirect is never followed: check the address in the environment's settings."
    return Rejected, "RC305", "The request is not acceptable to the service: see its words above."


def _sort_missing(headers: Mapping[str, str], codes: set[str]) -> tuple[type[TargetError], str, str]:
    if "resourcegroupnotfound" in codes:
        hint = "Create the group first (`az group create`), or correct `resourceGroup`."
        return NotFound, "RC311", hint
    if "subscriptionnotfound" in codes or "invalidsubscriptionid" in codes:
        return NotFound, "RC320", "Correct `subscription` in the environment's `arm:`, or sign in to its tenant."
    if headers.get("x-ms-failure-cause") == "gateway" and not codes & {"resourcenotfound", "notfound"}:
        return NotFound, "RC302", "Azure Resource Manager does not know the address: check subscription and group."
    return NotFound, "RC302", "Check its name and resource group; `retrainctl webservice list` shows what there is."

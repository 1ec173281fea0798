"""Hosts: their names, connections and certificates, and whether their clocks agree with ours."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from retrainctl.diagnostics import Severity
from retrainctl.errors import RetrainctlError
from retrainctl.operations.doctoring.report import Fact, NotApplicable, Patient, Reached, Said, of_error, problem
from retrainctl.targets.azure.clouds import PUBLIC, cloud_of
from retrainctl.targets.classic.hosts import hosts_of

_NOTICED: Final = timedelta(seconds=60)
_REFUSED: Final = timedelta(minutes=5)
"""Azure refuses tokens and signatures that are further off than this."""

_WHY: Final = {
    "name": "its name does not resolve",
    "tls": "its certificate is not trusted",
    "connection": "no connection",
}


def reachability(patient: Patient) -> Iterator[Said]:
    """One call to every host that the environment uses, TLS verified."""
    answered = 0
    for base, purpose in hosts(patient).items():
        reached = patient.reach(base)
        host = urlsplit(base).netloc
        if reached.trouble is None:
            answered += 1
            continue
        code = "RC923" if reached.trouble == "tls" else "RC922"
        yield problem(code, f"{host} ({purpose}): {_WHY[reached.trouble]}: {reached.detail}")
    yield Fact(f"hosts that answer: {answered}")


def clock_skew(patient: Patient) -> Iterator[Said]:
    """The `Date` of the answers against our clock."""
    asked = 0
    for base in hosts(patient):
        reached: Reached = patient.reach(base)
        if reached.moment is None:
            continue
        asked += 1
        away = reached.moment - patient.clock.now()
        if abs(away) >= _NOTICED:
            side = "ahead of" if away < timedelta() else "behind"
            yield problem(
                "RC924",
                f"this machine's clock is {abs(away).total_seconds():.0f} s {side} {urlsplit(base).netloc}",
                severity=Severity.ERROR if abs(away) >= _REFUSED else Severity.WARNING,
            )
    if not asked:
        raise NotApplicable("no host told the time")
    yield Fact(f"hosts compared with: {asked}")


def hosts(patient: Patient) -> dict[str, str]:
    """Base address -> what it is for."""
    emulator = patient.services()
    if emulator is not None:
        return {emulator.rstrip("/"): "the emulator"}
    environment = patient.environment
    cloud = PUBLIC
    found: dict[str, str] = {}
    if environment.arm is not None:
        cloud = cloud_of(environment.arm.endpoint)
        found[environment.arm.endpoint] = "Azure Resource Manager"
        found[f"https://{cloud.authority}"] = "sign-in"
    if environment.azureml is not None:
        cloud = cloud_of(environment.azureml.endpoint)
        found.setdefault(environment.azureml.endpoint, "Azure Machine Learning v2")
        found.setdefault(f"https://{cloud.authority}", "sign-in")
    if environment.classic is not None:
        found.update(_classic(patient))
    for account in environment.storage.values():
        base = account.endpoint or f"https://{account.account}{cloud.blob}"
        found.setdefault(base.rstrip("/"), f"storage account {account.account}")
    for desired in patient.loaded.desired:
        for version in desired.slots.values():
            parts = urlsplit(version.uri or "")
            if parts.hostname:
                found.setdefault(f"{parts.scheme}://{parts.netloc}", "the blobs of models")
    return found


def _classic(patient: Patient) -> Iterator[tuple[str, str]]:
    assert patient.environment.classic is not None
    try:
        known = hosts_of(patient.environment.classic)
    except RetrainctlError:
        return  # told by the check of the workspace's location
    yield known.management, "Classic management API"
    if known.studio:
        parts = urlsplit(known.studio)
        yield f"{parts.scheme}://{parts.netloc}", "Studio API"


def classic_location(patient: Patient) -> Iterator[Said]:
    """Whether the workspace's token is taken at the host of its location (classic-api.md T5)."""
    settings = patient.environment.classic
    if settings is None:
        raise NotApplicable("the environment has no Classic workspace")
    hosts_of(settings)
    client = patient.classic()
    assert client is not None
    try:
        services = client.services()
    except RetrainctlError as error:
        finding = of_error(error)
        if getattr(error, "status", None) in (401, 403):
            yield problem(
                finding.code,
                finding.message,
                f"The token is wrong, or the workspace is in another region than {settings.location}: each region "
                "knows only its own workspaces. Check `classic.location`, then the token.",
            )
        else:
            yield finding
        return
    yield Fact(f"workspace {settings.workspace} in {settings.location}: {len(services)} Classic web services")

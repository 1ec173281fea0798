"""The blobs behind the slots, and the signatures that they are reached with."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qs

from retrainctl.diagnostics import Diagnostic, Severity
from retrainctl.errors import RetrainctlError
from retrainctl.model.redaction import without_query
from retrainctl.model.values import Secret
from retrainctl.model.versions import ModelVersion
from retrainctl.operations.doctoring.report import Fact, NotApplicable, Patient, Said, of_error, problem
from retrainctl.ports import BlobStore, NotFound, SecretUnavailable

_SOON: Final = timedelta(days=1)
_AT_ONCE: Final = 8


def blobs(patient: Patient) -> Iterator[Said]:
    """Whether the blob of every version that a slot asks for is there and can be read."""
    versions = (version for one in patient.loaded.desired for version in one.slots.values())
    # What is registered with Azure Machine Learning v2 lies in its workspace, not at an address of its own.
    wanted = {one.uri: one for one in versions if (one.uri or "").startswith(("https://", "http://"))}
    if not wanted:
        raise NotApplicable("no slot asks for a blob")
    store = patient.blobs()
    with ThreadPoolExecutor(max_workers=min(_AT_ONCE, len(wanted)), thread_name_prefix="doctor") as pool:
        answers = list(pool.map(lambda version: _blob(store, version), wanted.values()))
    yield from (one for one in answers if one is not None)
    yield Fact(f"{answers.count(None)} of {len(wanted)} model blobs are there")


def signatures(patient: Patient) -> Iterator[Said]:
    """Whether the SAS tokens of the environment's accounts are still good."""
    accounts = [one for one in patient.environment.storage.values() if one.sas is not None]
    if patient.environment.emulator is not None or not accounts:
        raise NotApplicable("no storage account is reached with a given SAS")
    now = patient.clock.now()
    for account in accounts:
        assert account.sas is not None
        try:
            sas = account.sas if isinstance(account.sas, Secret) else patient.resolver.resolve(account.sas)
        except SecretUnavailable as error:
            yield of_error(error)
            continue
        yield judged(f"storage account {account.account}", ends(sas.reveal()), now)


def judged(who: str, end: datetime | None, now: datetime) -> Said:
    """What is to say of a signature that ends at a moment."""
    if end is None:
        return problem("RC937", f"{who}: its SAS names no end", severity=Severity.WARNING)
    when = f"{end:%Y-%m-%dT%H:%M:%SZ}"
    if end <= now:
        return problem("RC932", f"{who}: its SAS ended at {when}")
    if end - now < _SOON:
        return problem("RC933", f"{who}: its SAS ends at {when}", severity=Severity.WARNING)
    return Fact(f"{who}: its SAS is good until {when}")


def ends(sas: str) -> datetime | None:
    """When a SAS token ends (`se=`); None where it does not say, or not readably."""
    given = parse_qs(sas.lstrip("?")).get("se", [""])[0]
    try:
        end = datetime.fromisoformat(given)
    except ValueError:
        return None
    return end.replace(tzinfo=UTC) if end.tzinfo is None else end.astimezone(UTC)


def _blob(store: BlobStore, version: ModelVersion) -> Diagnostic | None:
    assert version.uri is not None
    try:
        store.facts(version.uri)
    except NotFound:
        return problem("RC931", f"{version.label}: there is no blob {without_query(version.uri)}")
    except RetrainctlError as error:
        finding = of_error(error)
        return problem(finding.code, f"{version.label}: {finding.message}", finding.hint)
    return None

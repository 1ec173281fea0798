"""What the files say: manifests, secrets, and whether the hosted service is still there. Asks nobody but key vaults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from retrainctl.diagnostics import Severity
from retrainctl.model.environment import Environment
from retrainctl.model.values import SecretRef
from retrainctl.operations.doctoring.report import Fact, NotApplicable, Patient, Said, of_error, problem
from retrainctl.ports import SecretUnavailable
from retrainctl.targets.classic.hosts import hosts_of

_HOSTED: Final = (".azureml.net", ".azureml.de", ".azureml-int.net")
_ARM_HOSTS: Final = (
    "management.azure.com",
    "management.usgovcloudapi.net",
    "management.chinacloudapi.cn",
    "management.microsoftazure.de",
)


def manifests(patient: Patient) -> Iterator[Said]:
    """Whether the manifests can be read, and how much they declare."""
    yield from patient.loaded.diagnostics
    yield Fact(f"declared: resources {len(patient.loaded.desired)}, models {len(patient.loaded.models)}")


def secrets(patient: Patient) -> Iterator[Said]:
    """Whether every secret that the environment and the manifests refer to can be had here."""
    if patient.environment.emulator is not None:
        raise NotApplicable("the emulator has its own credentials; references are not resolved")
    references = list(dict.fromkeys(_references(patient)))
    if not references:
        raise NotApplicable("nothing refers to a secret")
    found = 0
    for reference in references:
        try:
            patient.resolver.resolve(reference)
            found += 1
        except SecretUnavailable as error:
            yield of_error(error)
    yield Fact(f"{found} of {len(references)} secrets can be resolved")


def retirement(patient: Patient) -> Iterator[Said]:
    """Says plainly that the hosted service is closed, where an environment points at it."""
    environment = patient.environment
    if environment.emulator is not None:
        raise NotApplicable("the emulator stands for the service")
    hosted = list(_hosted(environment))
    if not hosted:
        raise NotApplicable("no hosted Studio (classic) service is named")
    for what, host in hosted:
        yield problem(
            "RC921",
            f"{what} point at {host}, a hosted service that Microsoft retired on 31 August 2024",
            severity=Severity.WARNING,
        )


def _hosted(environment: Environment) -> Iterator[tuple[str, str]]:
    if environment.arm is not None:
        host = (urlsplit(environment.arm.endpoint).hostname or "").lower()
        if host in _ARM_HOSTS:
            yield "the New web services (`arm:`)", host
    if environment.classic is not None:
        host = (urlsplit(hosts_of(environment.classic).management).hostname or "").lower()
        if host.endswith(_HOSTED):
            yield "the Classic web services (`classic:`)", host


def _references(patient: Patient) -> Iterator[SecretRef]:
    environment = patient.environment
    if environment.classic is not None and isinstance(environment.classic.token, SecretRef):
        yield environment.classic.token
    accounts = [*environment.storage.values(), environment.ledger_storage]
    for account in accounts:
        for secret in (account.key, account.sas) if account is not None else ():
            if isinstance(secret, SecretRef):
                yield secret
    for desired in patient.loaded.desired:
        yield from _within(desired.fields)


def _within(tree: object) -> Iterator[SecretRef]:
    if isinstance(tree, SecretRef):
        yield tree
    elif isinstance(tree, Mapping):
        for below in tree.values():
            yield from _within(below)
    elif isinstance(tree, list | tuple):
        for below in tree:
            yield from _within(below)

"""The composition root: an environment's settings to the plug-ins that stand for it.

Everything heavy is imported where it is first needed: an offline plan imports no Azure package.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from retrainctl.fastclass import dataclass
from retrainctl.model.address import Address
from retrainctl.model.environment import ArmSettings, AzuremlSettings, ClassicSettings, Environment, Project
from retrainctl.model.redaction import Redactor, short_hash
from retrainctl.model.values import Secret, SecretRef
from retrainctl.ports import Clock, LedgerStore, Planner, SecretResolver, SecretUnavailable, TargetSet, Writer
from retrainctl.wiring.secrets import BuiltInSecrets, Secrets

if TYPE_CHECKING:
    from retrainctl.ledger.ledger import Ledger
    from retrainctl.targets.arm.copies import Copies
    from retrainctl.targets.arm.planner import ArmPlanner
    from retrainctl.targets.arm.target import ArmTarget
    from retrainctl.targets.azureml.planner import AzuremlPlanner
    from retrainctl.targets.azureml.target import AzuremlTarget
    from retrainctl.targets.blob.access import Access
    from retrainctl.targets.blob.store import AzureBlobStore
    from retrainctl.targets.snapshot.registry import Snapshot
    from retrainctl.wiring.classic import ClassicParts
    from retrainctl.wiring.emulator import EmulatorHandle

DEFINITION_COPIES: Final = ".retrainctl/cache/definitions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What the process brings along. copies: whether definitions may come from copies of earlier reads."""

    environ: Mapping[str, str]
    clock: Clock
    redactor: Redactor
    parallel: int = 8
    copies: bool = False


def offline(environment: Environment, snapshot: Snapshot) -> TargetSet:
    """A snapshot as live state: readers over files, the pure planners, nobody who writes."""
    return TargetSet(readers=snapshot.readers, planners=planners(environment))


def planners(environment: Environment) -> Mapping[str, Planner]:
    """The pure halves of the environment's targets, each imported when a resource of its target is first planned."""
    found: dict[str, Callable[[], Planner]] = {}
    if environment.arm is not None:
        found["arm"] = partial(_arm_planner, environment.arm, environment.name)
    if environment.classic is not None:
        found["classic"] = partial(_classic_planner, environment.classic)
    if environment.azureml is not None:
        found["azureml"] = partial(_azureml_planner, environment.azureml)
    return _WhenAsked(found)


class _WhenAsked(Mapping[str, Planner]):
    """Planners that are made when somebody asks for them: most projects have resources of one target only."""

    def __init__(self, makers: Mapping[str, Callable[[], Planner]]) -> None:
        self._makers = makers
        self._made: dict[str, Planner] = {}

    def __getitem__(self, target: str) -> Planner:
        made = self._made.get(target)
        if made is None:
            made = self._made.setdefault(target, self._makers[target]())
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


def _arm_planner(settings: ArmSettings, environment: str) -> ArmPlanner:
    from retrainctl.targets.arm.planner import ArmPlanner

    return ArmPlanner(settings=settings, environment=environment)


def _classic_planner(settings: ClassicSettings) -> Planner:
    from retrainctl.targets.classic.planner import ClassicPlanner

    return ClassicPlanner(settings=settings)


def _azureml_planner(settings: AzuremlSettings) -> AzuremlPlanner:
    from retrainctl.targets.azureml.planner import AzuremlPlanner

    return AzuremlPlanner(settings=settings)


def online(project: Project, environment: Environment, outside: Outside) -> TargetSet:
    """The live targets; in an emulator environment the emulator is started on demand."""
    writers: dict[str, Writer] = {}
    if (arm := arm_target(project, environment, outside)) is not None:
        writers["arm"] = arm
    if (classic := classic_parts(project, environment, outside)) is not None:
        writers["classic"] = classic.target()
    if (azureml := azureml_target(project, environment, outside)) is not None:
        writers["azureml"] = azureml
    return TargetSet(readers=writers, planners=planners(environment), writers=writers)


def arm_target(project: Project, environment: Environment, outside: Outside) -> ArmTarget | None:
    """The New web services of an environment; None where it has no `arm` settings."""
    if environment.arm is None:
        return None
    from retrainctl.targets.arm.client import ArmClient
    from retrainctl.targets.arm.target import ArmTarget
    from retrainctl.targets.azure.bucket import ARM_RATE, Bucket, Rate
    from retrainctl.targets.azure.clouds import cloud_of
    from retrainctl.targets.azure.connect import make_pipeline, management_auth, shared_tokens
    from retrainctl.targets.azure.credentials import Auth, KeyAuth

    handle = start_emulator(project, environment)
    settings = environment.arm if handle is None else _at(environment.arm, handle)
    cloud = cloud_of(settings.endpoint)
    rate = Rate(concurrency=outside.parallel) if handle is not None else replace(ARM_RATE, concurrency=outside.parallel)
    pipeline = make_pipeline(
        [settings.endpoint],
        clock=outside.clock,
        redactor=outside.redactor,
        chance=_chance,
        bucket=Bucket(outside.clock, rate),
        environ={} if handle is not None else outside.environ,
        cloud=cloud,
        ca_file=handle.ca if handle is not None else extra_authorities(outside.environ),
    )
    auth: Auth
    if handle is not None:
        token = Secret(handle.token)
        outside.redactor.learn(token)
        auth = KeyAuth(secret=token)
    else:
        auth = management_auth(
            shared_tokens(clock=outside.clock, cloud=cloud, tenant=settings.tenant), settings.endpoint
        )
    client = ArmClient(
        pipeline=pipeline,
        endpoint=settings.endpoint,
        subscription=settings.subscription,
        auth=auth,
        api_version=settings.api_version,
    )
    return ArmTarget(
        client=client,
        planner=_arm_planner(settings, environment.name),
        secrets=resolver(project, environment, outside),
        parallel=outside.parallel,
        copies=_copies(project, environment) if outside.copies else None,
    )


def azureml_target(project: Project, environment: Environment, outside: Outside) -> AzuremlTarget | None:
    """The workspace of Azure Machine Learning v2; None where the environment has no `azureml` settings."""
    if environment.azureml is None:
        return None
    from retrainctl.targets.azure.bucket import ARM_RATE, Bucket, Rate
    from retrainctl.targets.azure.clouds import cloud_of
    from retrainctl.targets.azure.connect import make_pipeline, management_auth, shared_tokens
    from retrainctl.targets.azure.credentials import Auth, KeyAuth, TokenAuth
    from retrainctl.targets.azureml.client import SCORING_SCOPE, AzuremlClient, at_base
    from retrainctl.targets.azureml.target import AzuremlTarget

    handle = start_emulator(project, environment)
    settings = environment.azureml
    if handle is not None:
        settings = replace(settings, endpoint=handle.url.rstrip("/"))
    cloud = cloud_of(settings.endpoint)
    rate = Rate(concurrency=outside.parallel) if handle is not None else replace(ARM_RATE, concurrency=outside.parallel)
    pipeline = make_pipeline(
        [settings.endpoint],
        clock=outside.clock,
        redactor=outside.redactor,
        chance=_chance,
        bucket=Bucket(outside.clock, rate),
        environ={} if handle is not None else outside.environ,
        cloud=cloud,
        ca_file=handle.ca if handle is not None else extra_authorities(outside.environ),
    )
    auth: Auth
    scoring: Auth
    if handle is not None:
        token = Secret(handle.token)
        outside.redactor.learn(token)
        auth = scoring = KeyAuth(secret=token)
    else:
        tokens = shared_tokens(clock=outside.clock, cloud=cloud, tenant=settings.tenant)
        auth, scoring = management_auth(tokens, settings.endpoint), TokenAuth(source=tokens, scope=SCORING_SCOPE)
    client = AzuremlClient(
        pipeline=pipeline,
        endpoint=settings.endpoint,
        scope=settings.scope,
        auth=auth,
        api_version=settings.api_version,
        scoring_auth=scoring,
        reroute=str if handle is None else partial(at_base, handle.url),
    )
    return AzuremlTarget(client=client, planner=_azureml_planner(settings), parallel=outside.parallel)


def _chance() -> float:
    """Scatters the retries of many runs; imported late, for offline plans never send anything."""
    from random import random

    return random()  # noqa: S311 - no secret


def _copies(project: Project, environment: Environment) -> Copies:
    from retrainctl.targets.arm.copies import Copies

    assert environment.arm is not None
    scope = f"{environment.name}|{environment.arm.endpoint}|{environment.arm.api_version}"
    return Copies(folder=project.root / DEFINITION_COPIES, scope=scope)


def classic_parts(project: Project, environment: Environment, outside: Outside) -> ClassicParts | None:
    """What the Classic workspace of an environment is reached with; None where it has no `classic` settings."""
    if environment.classic is None:
        return None
    from retrainctl.wiring.classic import ClassicParts, at_emulator

    handle = start_emulator(project, environment)
    settings = environment.classic
    if handle is not None:
        settings = at_emulator(settings, handle.url, Secret(handle.token))
    return ClassicParts(
        settings=settings,
        storage=environment.storage,
        secrets=resolver(project, environment, outside),
        clock=outside.clock,
        redactor=outside.redactor,
        environ={} if handle is not None else outside.environ,
        parallel=outside.parallel,
        built_in=None if handle is None else lambda account: Secret(emulator_account_key(account)),
        tenant=environment.arm.tenant if environment.arm is not None else None,
        ca_file=handle.ca if handle is not None else extra_authorities(outside.environ),
    )


def start_emulator(project: Project, environment: Environment) -> EmulatorHandle | None:
    """The environment's emulator, started if need be; None for a real environment."""
    if environment.emulator is None:
        return None
    from retrainctl.wiring.emulator import ensure_running

    return ensure_running(emulator_state(project, environment))


def emulator_state(project: Project, environment: Environment) -> Path:
    """The folder of the environment's emulator."""
    named = environment.emulator.state if environment.emulator is not None else None
    return named or project.root / ".retrainctl" / "emulator"


def resolver(project: Project, environment: Environment, outside: Outside) -> SecretResolver:
    """How secret references are resolved in this environment."""
    if environment.emulator is not None:
        return BuiltInSecrets()
    return _real_secrets(project, environment, outside)


def _real_secrets(project: Project, environment: Environment, outside: Outside) -> SecretResolver:
    """Secrets of the world outside, also for what an emulator environment keeps there: its ledger."""

    def vault() -> object:
        from retrainctl.targets.azure.bucket import Bucket
        from retrainctl.targets.azure.clouds import PUBLIC, cloud_of
        from retrainctl.targets.azure.connect import make_pipeline, shared_tokens, vault_auth

        cloud = cloud_of(environment.arm.endpoint) if environment.arm is not None else PUBLIC
        pipeline = make_pipeline(
            [],
            clock=outside.clock,
            redactor=outside.redactor,
            chance=_chance,
            bucket=Bucket(outside.clock),
            environ=outside.environ,
            cloud=cloud,
            ca_file=extra_authorities(outside.environ),
        )
        tenant = environment.arm.tenant if environment.arm is not None else None
        return pipeline, vault_auth(shared_tokens(clock=outside.clock, cloud=cloud, tenant=tenant), cloud), cloud.vault

    return Secrets(environ=outside.environ, roots=[project.root], redactor=outside.redactor, vault=vault)  # type: ignore[arg-type]


def secret_hash(secrets: SecretResolver, environment: str, reference: SecretRef, address: Address) -> str | None:
    """The short hash of a referenced secret; None where it does not resolve here. Of one that is generated, nobody
    keeps the value: the number of its rotation counts."""
    if reference.source == "generate":
        return short_hash(f"rotation {reference.item}", environment=environment, address=str(address))
    try:
        value = secrets.resolve(reference).reveal()
    except SecretUnavailable:
        return None
    return short_hash(value, environment=environment, address=str(address))


def hasher(secrets: SecretResolver, environment: str) -> partial[str | None]:
    """`secret_hash` for one environment, as comparing and recording want it."""
    return partial(secret_hash, secrets, environment)


def open_ledger(project: Project, environment: Environment, outside: Outside) -> Ledger:
    """The environment's ledger: where the project says, else `.retrainctl/ledger/ENVIRONMENT` beside the project."""
    from retrainctl.ledger.ledger import Ledger

    return Ledger(
        _store(project, environment, outside),
        environment=environment.name,
        clock=outside.clock,
        redactor=outside.redactor,
    )


def _store(project: Project, environment: Environment, outside: Outside) -> LedgerStore:
    from retrainctl.ledger.local import LocalLedgerStore

    place = environment.ledger
    if place is None:
        return LocalLedgerStore(project.root / ".retrainctl" / "ledger" / environment.name)
    if not place.startswith("azblob://"):
        return LocalLedgerStore(project.root / place)
    from retrainctl.targets.blob.ledger_store import parse_place
    from retrainctl.targets.blob.opening import open_ledger_store

    account = environment.ledger_storage or environment.storage.get(parse_place(place)[0])
    key: Secret | None = None
    if account is not None and account.key is not None:
        reference = account.key
        secrets = _real_secrets(project, environment, outside)
        key = reference if isinstance(reference, Secret) else secrets.resolve(reference)
    return open_ledger_store(
        place,
        key,
        endpoint=account.endpoint if account is not None else None,
        tenant=environment.arm.tenant if environment.arm is not None else None,
    )


def blob_store(project: Project, environment: Environment, outside: Outside) -> AzureBlobStore:
    """The blobs of an environment; nobody is asked, and no emulator started, before the first call."""
    from retrainctl.targets.azure.clouds import PUBLIC, cloud_of
    from retrainctl.targets.blob.store import AzureBlobStore

    cloud = cloud_of(environment.arm.endpoint) if environment.arm is not None else PUBLIC
    endpoints = {name: settings.endpoint for name, settings in environment.storage.items() if settings.endpoint}
    if environment.emulator is not None:
        return AzureBlobStore(partial(_emulated_account, project, environment))
    secrets = resolver(project, environment, outside)

    def access(account: str) -> Access:
        from retrainctl.targets.azure.connect import shared_tokens
        from retrainctl.targets.blob.access import Access

        settings = environment.storage.get(account)
        key = settings.key if settings is not None else None
        if isinstance(key, SecretRef):
            key = secrets.resolve(key)
        tenant = environment.arm.tenant if environment.arm is not None else None
        return Access(
            endpoint=(endpoints.get(account) or f"https://{account}{cloud.blob}").rstrip("/"),
            credential=key or shared_tokens(clock=outside.clock, cloud=cloud, tenant=tenant),
            ca=extra_authorities(outside.environ),
        )

    return AzureBlobStore(access, suffix=cloud.blob, endpoints=endpoints)


def _emulated_account(project: Project, environment: Environment, account: str) -> Access:
    """`https://ACCOUNT.blob.core.windows.net/P` is the emulator's `/ACCOUNT/P`, with the account's built-in key."""
    from retrainctl.targets.blob.access import Access

    handle = start_emulator(project, environment)
    assert handle is not None
    return Access(
        endpoint=f"{handle.url.rstrip('/')}/{account}",
        credential=Secret(emulator_account_key(account)),
        ca=handle.ca,
        direct=True,
        makes_containers=True,
    )


def emulator_account_key(account: str) -> str:
    """The key that the emulator gives a storage account: the same on every machine, and therefore no secret."""
    return base64.b64encode(hashlib.sha512(f"retrainctl emulator|{account.lower()}|1".encode()).digest()).decode()


def _at(settings: ArmSettings, handle: EmulatorHandle) -> ArmSettings:
    return replace(settings, endpoint=handle.url.rstrip("/"))


def extra_authorities(environ: Mapping[str, str]) -> Path | None:
    """Further certificate authorities, by configuration of the machine only (never from a manifest)."""
    return Path(name) if (name := environ.get("RETRAINCTL_CA_FILE") or environ.get("REQUESTS_CA_BUNDLE")) else None

"""Puts the Classic target together from an environment's settings."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from retrainctl.fastclass import dataclass
from retrainctl.model.environment import ClassicSettings, StorageSettings
from retrainctl.model.redaction import Redactor
from retrainctl.model.values import Secret, SecretRef
from retrainctl.ports import Clock, SecretResolver
from retrainctl.targets.classic.hosts import hosts_of
from retrainctl.targets.classic.planner import ClassicPlanner
from retrainctl.targets.classic.sas import BlobTokens, Signer

if TYPE_CHECKING:
    from retrainctl.targets.azure.clouds import Cloud
    from retrainctl.targets.azure.credentials import Auth
    from retrainctl.targets.azure.pipeline import Pipeline
    from retrainctl.targets.classic.client import ClassicClient
    from retrainctl.targets.classic.target import ClassicTarget
    from retrainctl.targets.studio.client import StudioClient

_GERMANY = ".azureml.de"
_GERMAN_CLOUD = "https://management.microsoftazure.de"


@dataclass(frozen=True, kw_only=True)
class ClassicParts:
    """What the target is made of. Nothing is resolved and nobody asked before the first call.

    built_in: the key of a storage account in the emulator; None for real ones. ca_file: further authorities.
    """

    settings: ClassicSettings
    storage: Mapping[str, StorageSettings]
    secrets: SecretResolver
    clock: Clock
    redactor: Redactor
    environ: Mapping[str, str]
    parallel: int
    built_in: Callable[[str], Secret] | None = None
    tenant: str | None = None
    ca_file: Path | None = None

    def target(self) -> ClassicTarget:
        """The target. Raises `InvalidInput` for a location that is not known."""
        from retrainctl.targets.classic.defaults import Defaults
        from retrainctl.targets.classic.target import ClassicTarget

        client = self.client()
        return ClassicTarget(
            client=client,
            planner=ClassicPlanner(settings=self.settings),
            token=self.tokens().token,
            defaults=Defaults(client),
            parallel=self.parallel,
        )

    def client(self) -> ClassicClient:
        """The management API of the workspace. Raises `InvalidInput` for a location that is not known."""
        from retrainctl.targets.classic.client import ClassicClient

        return ClassicClient(
            pipeline=self.pipeline,
            management=hosts_of(self.settings).management,
            workspace=self.settings.workspace,
            auth=lambda: self._token,
        )

    def tokens(self) -> BlobTokens:
        """SAS tokens for the blobs of models."""
        endpoints = {name: account.endpoint for name, account in self.storage.items() if account.endpoint}
        return BlobTokens(clock=self.clock, given=self._given, signer=self._signer, endpoints=endpoints)

    @cached_property
    def pipeline(self) -> Pipeline:
        from retrainctl.targets.azure.bucket import Bucket, Rate
        from retrainctl.targets.azure.connect import make_pipeline

        hosts = hosts_of(self.settings)
        return make_pipeline(
            [host for host in (hosts.management, hosts.studio) if host],
            clock=self.clock,
            redactor=self.redactor,
            chance=random.random,
            # No rate is documented for the management API; it says 429 or 503 where it wants less.
            bucket=Bucket(self.clock, Rate(concurrency=self.parallel)),
            environ=self.environ,
            cloud=self._cloud,
            ca_file=self.ca_file,
        )

    def studio(self) -> StudioClient:
        """The Studio API of the workspace."""
        from retrainctl.targets.azure.credentials import KeyAuth
        from retrainctl.targets.studio.client import STUDIO_HEADER, StudioClient

        def auth() -> Auth:
            token = self._resolved(self.settings.token)
            self.redactor.learn(token)
            return KeyAuth(secret=token, header=STUDIO_HEADER, prefix="")

        return StudioClient(
            pipeline=self.pipeline,
            studio=hosts_of(self.settings).studio.rstrip("/"),
            workspace=self.settings.workspace,
            auth=auth,
        )

    @cached_property
    def _token(self) -> Auth:
        from retrainctl.targets.azure.credentials import KeyAuth

        token = self._resolved(self.settings.token)
        self.redactor.learn(token)
        return KeyAuth(secret=token)

    @cached_property
    def _cloud(self) -> Cloud:
        from retrainctl.targets.azure.clouds import PUBLIC, cloud_of

        german = hosts_of(self.settings).management.endswith(_GERMANY)
        return cloud_of(_GERMAN_CLOUD) if german else PUBLIC

    def _resolved(self, secret: Secret | SecretRef) -> Secret:
        return secret if isinstance(secret, Secret) else self.secrets.resolve(secret)

    def _given(self, account: str) -> Secret | None:
        settings = self.storage.get(account)
        if self.built_in is not None or settings is None or settings.sas is None:
            return None
        return self._resolved(settings.sas)

    def _signer(self, account: str) -> Signer:
        """The account's key, else a delegation key, which is good for six hours."""
        if self.built_in is not None:
            return self.built_in(account)
        settings = self.storage.get(account)
        if settings is not None and settings.key is not None:
            return self._resolved(settings.key)
        from retrainctl.targets.azure.connect import shared_tokens
        from retrainctl.targets.azure.credentials import TokenAuth
        from retrainctl.targets.classic.delegation import SCOPE, ask

        tokens = shared_tokens(clock=self.clock, cloud=self._cloud, tenant=self.tenant, ca_file=self.ca_file)
        endpoint = settings.endpoint if settings is not None else None
        endpoint = endpoint or f"https://{account}{self._cloud.blob}"
        return ask(self.pipeline, endpoint, account, TokenAuth(source=tokens, scope=SCOPE), self.clock)


def at_emulator(settings: ClassicSettings, url: str, token: Secret) -> ClassicSettings:
    """The settings of an emulator environment, pointed at the running emulator."""
    base = url.rstrip("/")
    return replace(settings, hosts={"management": base, "studio": f"{base}/api"}, token=token)

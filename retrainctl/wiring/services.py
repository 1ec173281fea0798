"""Puts the directory of callable web services together from an environment's settings."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from retrainctl.model.environment import Environment, Project
from retrainctl.model.values import Secret, SecretRef
from retrainctl.wiring.connect import (
    Outside,
    arm_target,
    classic_parts,
    emulator_account_key,
    extra_authorities,
    resolver,
    start_emulator,
)

if TYPE_CHECKING:
    from retrainctl.ports import ServiceDirectory
    from retrainctl.targets.arm.client import ArmClient
    from retrainctl.targets.azureml.client import AzuremlClient


def service_directory(project: Project, environment: Environment, outside: Outside) -> ServiceDirectory:
    """Who can be called in this environment; nobody is asked before the first service is opened."""
    from retrainctl.targets.azure.bucket import Bucket, Rate
    from retrainctl.targets.azure.clouds import PUBLIC, cloud_of
    from retrainctl.targets.azure.connect import make_pipeline
    from retrainctl.targets.blob.place import place_of
    from retrainctl.targets.services.directory import Directory

    handle = start_emulator(project, environment)
    cloud = cloud_of(environment.arm.endpoint) if environment.arm is not None else PUBLIC
    parts = classic_parts(project, environment, outside)
    pipeline = make_pipeline(
        [] if handle is None else [handle.url],
        clock=outside.clock,
        redactor=outside.redactor,
        chance=random.random,
        # No rate is documented for the services API; a service says 503 where it wants less.
        bucket=Bucket(outside.clock, Rate(concurrency=outside.parallel)),
        environ=outside.environ if handle is None else {},
        cloud=cloud,
        ca_file=handle.ca if handle is not None else extra_authorities(outside.environ),
    )
    endpoints = {name: account.endpoint for name, account in environment.storage.items() if account.endpoint}
    return Directory(
        pipeline=pipeline,
        classic=None if parts is None else parts.client,
        arm=_arm(project, environment, outside),
        azureml=_azureml(project, environment, outside),
        group=environment.arm.resource_group if environment.arm is not None else "",
        locate=partial(place_of, suffix=cloud.blob, endpoints=endpoints),
        credential=storage_secrets(project, environment, outside),
        reroute=str if handle is None else partial(_at, handle.url),
    )


def storage_secrets(project: Project, environment: Environment, outside: Outside) -> Callable[[str], Secret | None]:
    """Account -> what a job body can carry to reach it: its key, else its SAS; None where there is neither."""
    if environment.emulator is not None:
        return lambda account: Secret(emulator_account_key(account))
    secrets = resolver(project, environment, outside)

    def secret(account: str) -> Secret | None:
        settings = environment.storage.get(account)
        given = None if settings is None else settings.key or settings.sas
        if not isinstance(given, SecretRef):
            return given
        return secrets.resolve(given)

    return secret


def blob_address(environment: Environment) -> Callable[[str, str, str], str]:
    """(account, container, name) -> the URI of a blob, as manifests write it."""
    from retrainctl.targets.azure.clouds import PUBLIC, cloud_of
    from retrainctl.targets.blob.place import blob_uri

    cloud = cloud_of(environment.arm.endpoint) if environment.arm is not None else PUBLIC

    def address(account: str, container: str, name: str) -> str:
        settings = environment.storage.get(account)
        own = settings.endpoint if settings is not None and environment.emulator is None else None
        return blob_uri((own or f"https://{account}{cloud.blob}").rstrip("/"), container, name)

    return address


def _arm(project: Project, environment: Environment, outside: Outside) -> Callable[[], ArmClient] | None:
    if environment.arm is None:
        return None

    def client() -> ArmClient:
        target = arm_target(project, environment, outside)
        assert target is not None
        return target.client

    return client


def _azureml(project: Project, environment: Environment, outside: Outside) -> Callable[[], AzuremlClient] | None:
    if environment.azureml is None:
        return None

    def client() -> AzuremlClient:
        from retrainctl.wiring.connect import azureml_target

        target = azureml_target(project, environment, outside)
        assert target is not None
        return target.client

    return client


def _at(base: str, location: str) -> str:
    """An address of the services API as the emulator serves it: the same path below its own base."""
    return base.rstrip("/") + urlsplit(location).path

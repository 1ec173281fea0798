"""Linked services of a data factory: the training and scoring services, storage accounts, key vaults."""

from __future__ import annotations

import re
from typing import Any

from retrainctl.model.environment import Environment, StorageSettings
from retrainctl.model.resource import Desired
from retrainctl.model.retraining import ServiceRef
from retrainctl.model.values import SecretRef
from retrainctl.ports import ServiceDirectory
from retrainctl.targets.azure.clouds import PUBLIC, cloud_of
from retrainctl.targets.classic.hosts import hosts_of
from retrainctl.targets.classic.ids import is_service_id

Json = dict[str, Any]


class Links:
    """Makes each linked service once and gives its name.

    files: what was made, by its path in the factory's repository. vault: name of a key vault that all secrets are
    referred to in. directory: asks services for their addresses; without it they are placeholders in angle brackets.
    """

    def __init__(self, environment: Environment, vault: str | None, directory: ServiceDirectory | None) -> None:
        self.files: dict[str, Json] = {}
        self._environment = environment
        self._vault = vault
        self._directory = directory
        self._names: dict[tuple[str, str], str] = {}

    def training(self, service: ServiceRef) -> str:
        endpoint = f"{self._location(service)}/jobs?api-version=2.0"
        return self._service(
            f"training_{service}", {"mlEndpoint": endpoint, "apiKey": self._secret(f"api key of {service}")}
        )

    def scoring(self, desired: Desired) -> str:
        """Where a slot is updated: the scoring endpoint or service, never the training one."""
        place = desired.place
        if "webService" in place:
            service = ServiceRef(target="classic", name=place["webService"], endpoint=place["name"])
            settings = self._environment.classic
            assert settings is not None, "the endpoint was decoded"
            identity = self._identity(service)
            properties: Json = {
                "mlEndpoint": f"{self._location(service)}/jobs?api-version=2.0",
                "apiKey": self._secret(f"api key of {service}"),
                "updateResourceEndpoint": f"{hosts_of(settings).management}{identity}",
            }
            return self._service(f"scoring_{place['name']}", properties)
        arm = self._environment.arm
        assert arm is not None, "the service was decoded"
        service = ServiceRef(target="arm", name=place["name"], group=place["resourceGroup"])
        properties = {
            "mlEndpoint": f"{self._location(service)}/jobs?api-version=2.0",
            "apiKey": self._secret(f"api key of {service}"),
            "updateResourceEndpoint": (
                f"{arm.endpoint}/subscriptions/{arm.subscription}/resourceGroups/{place['resourceGroup']}"
                f"/providers/Microsoft.MachineLearning/webServices/{place['name']}?api-version=2016-05-01-preview"
            ),
            "servicePrincipalId": "<service principal id>",
            "servicePrincipalKey": self._secret("service principal key"),
            "tenant": arm.tenant or "<tenant>",
        }
        return self._service(f"scoring_{place['name']}", properties)

    def _service(self, label: str, properties: Json) -> str:
        return self._link(label, "AzureML", properties)

    def _link(self, label: str, kind: str, properties: Json) -> str:
        name = self.name("linkedService", label)
        self.files.setdefault(
            f"linkedService/{name}.json",
            {"name": name, "properties": {"annotations": ["retrainctl"], "type": kind, "typeProperties": properties}},
        )
        return name

    def storage(self, account: str) -> str:
        settings = self._environment.storage.get(account) or StorageSettings(account=account)
        connection = f"DefaultEndpointsProtocol=https;AccountName={account};EndpointSuffix={self.suffix[6:]};"
        key = settings.key if isinstance(settings.key, SecretRef) else None
        secret = self._secret(f"key of storage account {account}", key)
        if secret["type"] == "AzureKeyVaultSecret":
            properties: Json = {"connectionString": connection, "accountKey": secret}
        else:
            properties = {
                "connectionString": {"type": "SecureString", "value": f"{connection}AccountKey={secret['value']}"}
            }
        return self._link(f"storage_{account}", "AzureBlobStorage", properties)

    def signed_storage(self, account: str, sas: SecretRef) -> str:
        uri = {"type": "SecureString", "value": f"https://{account}{self.suffix}/"}
        secret = self._secret(f"SAS of storage account {account}", sas)
        return self._link(f"storage_{account}_sas", "AzureBlobStorage", {"sasUri": uri, "sasToken": secret})

    def _secret(self, label: str, reference: SecretRef | None = None) -> Json:
        """A reference to a key vault, else a SecureString whose value is to be filled in."""
        if reference is not None and reference.source == "keyVault":
            return self._in_vault(reference.name, reference.item or "")
        if self._vault is not None:
            return self._in_vault(self._vault, slug(label, "-"))
        name = reference.name if reference is not None and reference.source == "env" else label
        return {"type": "SecureString", "value": f"<{name}>"}

    def _in_vault(self, vault: str, secret: str) -> Json:
        base = vault.rstrip("/") if "://" in vault else f"https://{vault}{self._cloud.vault}"
        label = base.partition("://")[2].partition(".")[0]
        name = self._link(f"vault_{label}", "AzureKeyVault", {"baseUrl": f"{base}/"})
        return {"type": "AzureKeyVaultSecret", "store": linked(name), "secretName": secret}

    def _location(self, service: ServiceRef) -> str:
        if self._directory is not None:
            return self._directory.open(service).location
        return f"https://<services host>/<path of {service}>"

    def _identity(self, service: ServiceRef) -> str:
        if self._directory is not None:
            return self._directory.open(service).identity
        settings = self._environment.classic
        assert settings is not None, "only Classic services are asked for"
        named = service.name if is_service_id(service.name) else f"<id of {service.name}>"
        return f"/workspaces/{settings.workspace}/webservices/{named}/endpoints/{service.endpoint}"

    @property
    def _cloud(self) -> Any:
        return cloud_of(self._environment.arm.endpoint) if self._environment.arm is not None else PUBLIC

    @property
    def suffix(self) -> str:
        """The host suffix of the cloud's storage accounts."""
        return str(self._cloud.blob)

    def name(self, kind: str, label: str) -> str:
        """A name that Data Factory takes and that no other label has."""
        key = (kind, label)
        if key not in self._names:
            base = name = slug(label, "_")[:120]
            number = 1
            while any(k[0] == kind and taken == name for k, taken in self._names.items()):
                number += 1
                name = f"{base}_{number}"
            self._names[key] = name
        return self._names[key]


def linked(name: str) -> Json:
    """A reference to a linked service."""
    return {"referenceName": name, "type": "LinkedServiceReference"}


def slug(text: str, joint: str) -> str:
    """A text as a name that Data Factory and key vaults take."""
    return re.sub(r"[^A-Za-z0-9]+", joint, text).strip(joint) or "x"

"""Project and environments: where things are, how they are reached, what is allowed there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from retrainctl.diagnostics import Span
from retrainctl.fastclass import dataclass
from retrainctl.model.exemption import Exemption
from retrainctl.model.values import Json, JsonObject, Secret, SecretRef

EMULATOR_SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
EMULATOR_RESOURCE_GROUP = "local"
EMULATOR_WORKSPACE = "00000000000000000000000000000001"
EMULATOR_LOCATION = "South Central US"
EMULATOR_AZUREML_WORKSPACE = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmSettings:
    """Where New web services live. `endpoint` is the management address without trailing slash."""

    subscription: str
    resource_group: str
    location: str | None = None
    api_version: str = "2017-01-01"
    endpoint: str = "https://management.azure.com"
    tenant: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassicSettings:
    """A Studio (classic) workspace.

    token: its authorization token. hosts: `management`, `studio`: addresses in place of the region's.
    field_updates: `patch` or `refuse`. That an endpoint's settings can be changed by PATCH is documented, but was never
    seen; `refuse` makes such a change an error of the plan.
    """

    workspace: str
    location: str
    token: SecretRef | Secret
    tier: str = "Standard"
    hosts: Mapping[str, str] = field(default_factory=dict)
    field_updates: str = "patch"


@dataclass(frozen=True, slots=True, kw_only=True)
class AzuremlSettings:
    """An Azure Machine Learning (v2) workspace. `endpoint` is the management address without trailing slash.

    location: region of what is created here.
    """

    subscription: str
    resource_group: str
    workspace: str
    location: str | None = None
    api_version: str = "2026-07-01"
    endpoint: str = "https://management.azure.com"
    tenant: str | None = None

    @property
    def scope(self) -> str:
        """The workspace's ARM id."""
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{self.workspace}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSettings:
    """How a storage account is reached: with `key`, with a given `sas` token, else by user delegation through
    azure-identity."""

    account: str
    key: SecretRef | Secret | None = None
    sas: SecretRef | Secret | None = None
    endpoint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorSettings:
    """The embedded emulator stands for every target; `state` is its folder (default: beside the project file)."""

    state: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """What an apply may do here (DESIGN.md section 4, Guards).

    limits: `creates`, `updates`, `deletes` -> a count, or a percentage as text (`"30%"`).
    protect, freeze: address patterns (`WebService/billing*`).
    """

    limits: Mapping[str, int | str] = field(default_factory=dict)
    protect: tuple[str, ...] = ()
    freeze: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One named set of target addresses, variables and rules.

    ledger_storage: how the ledger's account is reached where all other storage is the emulator's.
    """

    name: str
    vars: Mapping[str, Json] = field(default_factory=dict)
    arm: ArmSettings | None = None
    classic: ClassicSettings | None = None
    azureml: AzuremlSettings | None = None
    storage: Mapping[str, StorageSettings] = field(default_factory=dict)
    emulator: EmulatorSettings | None = None
    ledger: str | None = None
    ledger_storage: StorageSettings | None = None
    guards: Guards = field(default_factory=Guards)
    rollout: JsonObject = field(default_factory=dict)
    allowed_drift: tuple[Exemption, ...] = ()
    span: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """The project file, read: its folder is the root of every relative path."""

    name: str
    root: Path
    file: Path
    manifests: tuple[str, ...]
    vars: Mapping[str, Json] = field(default_factory=dict)
    environments: Mapping[str, Environment] = field(default_factory=dict)

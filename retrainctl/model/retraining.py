"""Retraining as nouns: which service trains, from what, where the results go, and what makes a model good enough."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Final, NamedTuple

from retrainctl.diagnostics import Span
from retrainctl.fastclass import dataclass
from retrainctl.model.address import Address
from retrainctl.model.values import Json, JsonObject, SecretRef

LIVE: Final = "live"
"""The version that the slots of a model serve now, as the reference of a gate."""

MODEL_EXTENSION: Final = ".ilearner"
DATA_EXTENSIONS: Final = (".csv", ".tsv", ".arff")
"""What a batch service reads and writes besides models (classic-api.md 5.2)."""


BATCH_TARGET: Final = "azureml-batch"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRef:
    """A web service that can be called.

    target: `classic`, `arm`, `azureml`, or `azureml-batch` for a batch endpoint. name: the Classic service's name or
    id; the New service's name in Azure; the endpoint's name. endpoint: of a Classic service; None: its default one. Of
    an endpoint of Azure ML v2 the deployment; None: as its traffic or its default says. group: the New service's
    resource group; None: the environment's.
    """

    target: str
    name: str
    endpoint: str | None = None
    group: str | None = None

    def __str__(self) -> str:
        return self.name if self.endpoint is None else f"{self.name}/{self.endpoint}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataInput:
    """What goes into an input port: a local `file` (a path in the project) or a blob's `uri`, without its signature.

    sas: where the signature is kept that reads the blob; None: the account is reached as the environment says.
    """

    file: str | None = None
    uri: str | None = None
    sas: SecretRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A condition on one metric of a new model. All that is given must hold.

    reference: `LIVE` or a version's number; None: not compared. tolerance: by how much it may be worse, absolute, or a
    share of the reference's metric where `relative`. direction: `higher` or `lower` is better.
    passes_without_reference: whether it passes where the reference has no such metric.
    """

    metric: str
    minimum: float | None = None
    maximum: float | None = None
    reference: str | int | None = None
    tolerance: float = 0.0
    relative: bool = False
    direction: str | None = None
    passes_without_reference: bool = False


class Blobs(NamedTuple):
    """Names of a version's blobs in its container: the model, and the evaluation where there is one."""

    model: str
    evaluation: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retraining:
    """One manifest of kind `Retraining`.

    inputs, parameters: by port and by name, as the training service calls them. model_port, evaluation_port: where the
    service gives out its results. account, container: where they go; `blobs`: their names for a version.
    produces: the model. row: which row of the evaluation counts, from 1; None: there must be only one.
    time_limit: seconds that a job may take. pool: a dedicated batch pool. schedule: for Data Factory.
    """

    address: Address
    service: ServiceRef
    model_port: str
    account: str
    container: str
    blobs: Callable[[int], Blobs] = field(repr=False, compare=False)
    produces: str
    inputs: Mapping[str, DataInput] = field(default_factory=dict)
    parameters: Mapping[str, Json | SecretRef] = field(default_factory=dict)
    evaluation_port: str | None = None
    row: int | None = None
    gates: tuple[Gate, ...] = ()
    time_limit: float | None = None
    pool: str | None = None
    schedule: JsonObject = field(default_factory=dict)
    origin: Span | None = None

"""`export adf`: the retrainings as Azure Data Factory (v2) artefacts, laid out as a factory's Git repository.

The payloads follow the documented ones (`reference/classic-api.md` 10.5) without their known mistakes: every
`dependsOn` names an activity that there is, every blob has its extension, the management address says `/webservices/`,
nothing ends in a full stop, what is updated is the scoring service. Nothing secret is needed or written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any, Final

from retrainctl.errors import RetrainctlError
from retrainctl.fastclass import dataclass
from retrainctl.manifest.load import Loaded
from retrainctl.model.metrics import NAMES, folded
from retrainctl.model.resource import Desired
from retrainctl.model.retraining import LIVE, Gate, Retraining
from retrainctl.model.values import SecretRef
from retrainctl.operations.adf_links import Json, Links, linked
from retrainctl.ports import ServiceDirectory
from retrainctl.targets.blob.place import place_of

_VERSION: Final = 987_654_321
"""Stands for the version while a path is made; Data Factory puts the time of the run there."""

_STAMP: Final = "@{formatDateTime(pipeline().TriggerTime, 'yyyyMMddHHmmss')}"
_MOST_UPDATES: Final = 35
"""A pipeline holds at most 40 activities."""

_START: Final = "2026-01-05T03:00:00Z"
_WEEKLY: Final[Mapping[str, Any]] = {"frequency": "Week", "interval": 1}
_CANONICAL: Final = {folded(name): name for name in NAMES}


class NoFactory(RetrainctlError):
    """Something in the manifests has no form that Data Factory takes."""

    default_code = "RC646"


@dataclass(frozen=True, slots=True, kw_only=True)
class Factory:
    """files: path in the factory's repository -> artefact. missing: what stands in angle brackets and must be filled
    in: placeholder -> the files that hold it."""

    files: Mapping[str, Json]
    missing: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def texts(self) -> dict[str, bytes]:
        """The files as they are written."""
        return {
            path: (json.dumps(data, indent=4, ensure_ascii=False) + "\n").encode() for path, data in self.files.items()
        }


def factory_of(
    loaded: Loaded,
    chosen: Sequence[Retraining],
    *,
    key_vault: str | None = None,
    directory: ServiceDirectory | None = None,
) -> Factory:
    """The artefacts for these retrainings: pipelines, datasets, linked services, triggers.

    Args:
        key_vault: name of a key vault that all secrets are referred to in; without it only those are that the manifests
            keep in one, and the others are placeholders.
        directory: asks the services for their addresses; without it they are placeholders.

    Raises:
        NoFactory: RC646; TargetError, SecretUnavailable: with a directory only.
    """
    return _Build(loaded, key_vault, directory).factory(chosen)


class _Build:
    def __init__(self, loaded: Loaded, key_vault: str | None, directory: ServiceDirectory | None) -> None:
        self._loaded = loaded
        self._links = Links(loaded.environment, key_vault, directory)
        self._files = self._links.files

    def factory(self, chosen: Sequence[Retraining]) -> Factory:
        slots: dict[str, list[tuple[Desired, str]]] = {}
        for desired in self._loaded.desired:
            for slot, version in desired.slots.items():
                slots.setdefault(version.model, []).append((desired, slot))
        pipelines: dict[str, list[str]] = {}
        for made in chosen:
            name = self._pipeline(made, slots.get(made.produces, []))
            pipelines.setdefault(json.dumps(made.schedule or _WEEKLY, sort_keys=True), []).append(name)
        for number, (schedule, names) in enumerate(pipelines.items(), start=1):
            self._trigger("retrain" if len(pipelines) == 1 else f"retrain_{number}", json.loads(schedule), names)
        missing: dict[str, list[str]] = {}
        for path, data in self._files.items():
            for placeholder in _placeholders(data):
                missing.setdefault(placeholder, []).append(path)
        return Factory(files=self._files, missing=missing)

    # Pipelines

    def _pipeline(self, made: Retraining, slots: Sequence[tuple[Desired, str]]) -> str:
        if len(slots) > _MOST_UPDATES:
            raise NoFactory(
                f"model {made.produces} is in {len(slots)} slots; a pipeline updates at most {_MOST_UPDATES}",
                hint="Give groups of slots models of their own, or update them with retrainctl.",
            )
        name = self._links.name("pipeline", f"retrain_{made.address.name}")
        storage = self._links.storage(made.account)
        names = made.blobs(_VERSION)
        model, evaluation = (self._path(made, text) for text in (names.model, names.evaluation))
        outputs = {made.model_port: (storage, model)}
        if made.evaluation_port is not None and evaluation is not None:
            outputs[made.evaluation_port] = (storage, evaluation)
        train = {
            "name": "Train",
            "description": f"Runs {made.service} as a batch job; every run writes blobs of its own.",
            "type": "AzureMLBatchExecution",
            "linkedServiceName": linked(self._links.training(made.service)),
            "policy": {"timeout": _timeout(made.time_limit), "retry": 0, "retryIntervalInSeconds": 30},
            "typeProperties": {
                **_files("webServiceInputs", {port: self._input(made, port) for port in made.inputs}),
                **_files("webServiceOutputs", outputs),
                **({"globalParameters": self._parameters(made)} if made.parameters else {}),
            },
        }
        updates = [
            self._update(desired, slot, storage, model, number) for number, (desired, slot) in enumerate(slots, 1)
        ]
        activities, parameters = self._gated(made, train, updates, evaluation)
        body: Json = {"description": f"{made.address} of project {self._loaded.project.name}", "activities": activities}
        if parameters:
            body["parameters"] = parameters
        self._files[f"pipeline/{name}.json"] = {"name": name, "properties": {**body, "annotations": ["retrainctl"]}}
        return name

    def _gated(
        self, made: Retraining, train: Json, updates: list[Json], evaluation: Json | None
    ) -> tuple[list[Json], dict[str, Json]]:
        """Train, read the evaluation, and update the slots only where every gate holds."""
        if not made.gates:
            return [train, *(_after("Train", update) for update in updates)], {}
        if evaluation is None:
            raise NoFactory(
                f"{made.address} has gates and no evaluation", hint="Add outputs.evaluation, or remove them."
            )
        read = {
            "name": "ReadEvaluation",
            "description": "The metrics of the new model, out of the only row of the evaluation.",
            "type": "Lookup",
            "typeProperties": {
                "source": {"type": "DelimitedTextSource", "storeSettings": {"type": "AzureBlobStorageReadSettings"}},
                "dataset": {
                    "referenceName": self._evaluation(made),
                    "type": "DatasetReference",
                    "parameters": {"path": _below_container(evaluation)},
                },
                "firstRowOnly": True,
            },
        }
        parameters: dict[str, Json] = {}
        conditions = [text for gate in made.gates for text in self._conditions(made, gate, parameters)]
        gate = {
            "name": "Gate",
            "type": "IfCondition",
            "typeProperties": {
                "expression": {"value": f"@{_all(conditions)}", "type": "Expression"},
                "ifTrueActivities": updates,
                "ifFalseActivities": [
                    {
                        "name": "GateFailed",
                        "type": "Fail",
                        "typeProperties": {
                            "message": f"The new model of {made.produces} does not pass its gates and was not taken.",
                            "errorCode": "RC621",
                        },
                    }
                ],
            },
        }
        return [train, _after("Train", read), _after("ReadEvaluation", gate)], parameters

    def _conditions(self, made: Retraining, gate: Gate, parameters: dict[str, Json]) -> Iterable[str]:
        """A gate as expressions. What is live is a parameter: Data Factory does not know it, the manifests do."""
        metric = _CANONICAL.get(folded(gate.metric), gate.metric)
        value = f"float(activity('ReadEvaluation').output.firstRow[{_quoted(metric)}])"
        if gate.minimum is not None:
            yield f"greaterOrEquals({value}, float('{gate.minimum}'))"
        if gate.maximum is not None:
            yield f"lessOrEquals({value}, float('{gate.maximum}'))"
        if gate.reference is None:
            return
        former = self._former(made, gate, metric)
        if former is None and gate.passes_without_reference:
            return
        higher = gate.direction == "higher"
        name = f"limit{len(parameters) + 1}"
        parameters[name] = {"type": "Float"}
        if former is not None:
            slack = abs(former) * gate.tolerance if gate.relative else gate.tolerance
            parameters[name]["defaultValue"] = float(f"{former - slack if higher else former + slack:.10g}")
        yield f"{'greaterOrEquals' if higher else 'lessOrEquals'}({value}, pipeline().parameters.{name})"

    def _former(self, made: Retraining, gate: Gate, metric: str) -> float | None:
        """The metric of the version that the slots name, or of the given one."""
        line = self._loaded.models[made.produces]
        if gate.reference == LIVE:
            versions = [v for d in self._loaded.desired for v in d.slots.values() if v.model == made.produces]
        else:
            versions = [v for v in line.versions if v.version == gate.reference]
        found = [value for v in versions for name, value in v.metrics.items() if folded(name) == folded(metric)]
        if not found:
            return None
        return max(found) if gate.direction == "higher" else min(found)

    def _update(self, desired: Desired, slot: str, storage: str, model: Json, number: int) -> Json:
        return {
            "name": f"Update{number}",
            "description": f"{desired.address}, slot {slot}"[:400],
            "type": "AzureMLUpdateResource",
            "linkedServiceName": linked(self._links.scoring(desired)),
            "policy": {"timeout": "0.01:00:00", "retry": 3, "retryIntervalInSeconds": 30},
            "typeProperties": {
                "trainedModelName": slot,
                "trainedModelLinkedServiceName": linked(storage),
                "trainedModelFilePath": model,
            },
        }

    def _parameters(self, made: Retraining) -> Json:
        hidden = [name for name, value in made.parameters.items() if isinstance(value, SecretRef)]
        if hidden:
            raise NoFactory(
                f"{made.address}: parameter {hidden[0]} is a secret, and a pipeline would show it",
                hint="Read the data with an account key or from a blob that needs no signature.",
            )
        return {name: _literal(value) for name, value in made.parameters.items()}

    def _input(self, made: Retraining, port: str) -> tuple[str, Json]:
        given = made.inputs[port]
        if given.uri is None:
            raise NoFactory(
                f"{made.address}: input {port} is the local file {given.file}, which Data Factory cannot read",
                hint="Upload it once and name the blob's address.",
            )
        place = place_of(given.uri, suffix=self._links.suffix)
        if place is None:
            raise NoFactory(f"{made.address}: {given.uri} is no blob of a storage account", hint="Name a blob.")
        service = (
            self._links.storage(place.account)
            if given.sas is None
            else self._links.signed_storage(place.account, given.sas)
        )
        return service, _literal(f"{place.container}/{place.name}")

    def _path(self, made: Retraining, name: str | None) -> Any:
        """Container and blob with the time of the run where the version would stand."""
        if name is None:
            return None
        if str(_VERSION) not in name:
            raise NoFactory(
                f"{made.address}: the version does not stand as a number in the path", hint="Write {{ version }}."
            )
        parts = [_escaped(part) for part in name.split(str(_VERSION))]
        return {"value": f"{made.container}/{_STAMP.join(parts)}", "type": "Expression"}

    # Datasets and triggers

    def _evaluation(self, made: Retraining) -> str:
        name = self._links.name("dataset", f"evaluation_{made.account}_{made.container}")
        self._files.setdefault(
            f"dataset/{name}.json",
            {
                "name": name,
                "properties": {
                    "description": "What Evaluate Model wrote: a header and a row of metrics.",
                    "linkedServiceName": linked(self._links.storage(made.account)),
                    "parameters": {"path": {"type": "string"}},
                    "annotations": ["retrainctl"],
                    "type": "DelimitedText",
                    "typeProperties": {
                        "location": {
                            "type": "AzureBlobStorageLocation",
                            "fileName": {"value": "@dataset().path", "type": "Expression"},
                            "container": made.container,
                        },
                        "columnDelimiter": ",",
                        "escapeChar": "\\",
                        "firstRowAsHeader": True,
                        "quoteChar": '"',
                    },
                    "schema": [],
                },
            },
        )
        return name

    def _trigger(self, name: str, schedule: Mapping[str, Any], pipelines: Sequence[str]) -> None:
        recurrence = {
            "frequency": schedule["frequency"],
            "interval": schedule.get("interval", 1),
            "startTime": schedule.get("startTime", _START),
            "timeZone": schedule.get("timeZone", "UTC"),
        }
        self._files[f"trigger/{name}.json"] = {
            "name": name,
            "properties": {
                "description": "Stopped until somebody starts it.",
                "annotations": ["retrainctl"],
                "runtimeState": "Stopped",
                "pipelines": [
                    {"pipelineReference": {"referenceName": pipeline, "type": "PipelineReference"}, "parameters": {}}
                    for pipeline in pipelines
                ],
                "type": "ScheduleTrigger",
                "typeProperties": {"recurrence": recurrence},
            },
        }


def _files(member: str, blobs: Mapping[str, tuple[str, Any]]) -> Json:
    """Web service inputs or outputs, spelt as the article does."""
    if not blobs:
        return {}
    return {
        member: {
            port: {"LinkedServiceName": linked(service), "FilePath": path} for port, (service, path) in blobs.items()
        }
    }


def _after(name: str, activity: Json) -> Json:
    return {**activity, "dependsOn": [{"activity": name, "dependencyConditions": ["Succeeded"]}]}


def _below_container(path: Json) -> Json:
    return {"value": path["value"].partition("/")[2], "type": "Expression"}


def _all(conditions: Sequence[str]) -> str:
    text = conditions[0]
    for condition in conditions[1:]:
        text = f"and({text}, {condition})"
    return text


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _escaped(text: str) -> str:
    """Text that stands for itself inside an interpolated string."""
    return text.replace("@{", "@@{")


def _literal(value: Any) -> Any:
    """A value that is no expression: a text that begins with @ would be one."""
    if not isinstance(value, str):
        return value
    escaped = _escaped(value)
    return f"@{escaped}" if escaped.startswith("@") and not escaped.startswith("@@") else escaped


def _timeout(seconds: float | None) -> str:
    """`D.HH:MM:SS`."""
    total = int(seconds if seconds is not None else 24 * 3600)
    days, rest = divmod(total, 86400)
    return f"{days}.{rest // 3600:02}:{rest % 3600 // 60:02}:{rest % 60:02}"


def _placeholders(data: Any) -> list[str]:
    """What stands in angle brackets."""
    found: dict[str, None] = {}

    def walk(node: Any) -> None:
        if isinstance(node, str):
            found.update(dict.fromkeys(re.findall(r"<[^<>]+>", node)))
        elif isinstance(node, Mapping):
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(data)
    return list(found)

"""The shape of a save body (classic-api.md 6.2, 6.3), as far as everything else here relies on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from retrainctl.emulator.classic.dialect import bad_argument

_TEXT: Final = "text"
Shape = str | Mapping[str, Any] | list[Any]

_PARAMETER: Final = {"Name": _TEXT, "LinkedGlobalParameter": _TEXT}
_INPUT: Final = dict.fromkeys(("Name", "DataSourceId", "TrainedModelId", "TransformModuleId"), _TEXT)
_END: Final = {"Name": _TEXT, "PortId": _TEXT}
_SHAPE: Final[Shape] = {
    "Summary": _TEXT,
    "ParentExperimentId": _TEXT,
    "Category": _TEXT,
    "ExperimentGraph": {
        "ModuleNodes": [
            {
                "Id": _TEXT,
                "ModuleId": _TEXT,
                "ModuleParameters": [_PARAMETER],
                "InputPortsInternal": [_INPUT],
                "OutputPortsInternal": [{"Name": _TEXT}],
            }
        ],
        "EdgesInternal": [{"SourceOutputPortId": _TEXT, "DestinationInputPortId": _TEXT}],
    },
    "WebService": {
        "Inputs": [_END],
        "Outputs": [_END],
        "Parameters": [{"Name": _TEXT, "ParameterDefinition": {}}],
        "WebServiceGroupId": _TEXT,
        "ModelPackageId": _TEXT,
    },
}
"""Members that are not named may be anything; null and absent are always right."""


def check(body: Mapping[str, Any]) -> None:
    """Raises `Refusal` 400, naming the member that has the wrong type."""
    _check(body, _SHAPE, "")


def _check(value: Any, shape: Shape, where: str) -> None:
    if value is None:
        return
    if isinstance(shape, str):
        if not isinstance(value, str):
            raise _wrong(where, "a text")
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise _wrong(where, "a list")
        for number, item in enumerate(value):
            if not isinstance(item, dict):
                raise _wrong(f"{where}[{number}]", "an object")
            _check(item, shape[0], f"{where}[{number}]")
    else:
        if not isinstance(value, dict):
            raise _wrong(where, "an object")
        for name, inner in shape.items():
            _check(value.get(name), inner, f"{where}.{name}" if where else name)


def _wrong(where: str, what: str) -> Exception:
    return bad_argument("BadParameterValue", f"{where} must be {what}.")

"""A model as the files that a deployment takes: without code (MLflow with its ONNX flavour), or with a scoring script.

Written by hand, without mlflow: the folder that `mlflow.onnx.save_model` writes has five files, and one with the same
content loads the same (azureml-v2.md section 10). The same model gives the same bytes: no times, no random identifiers.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Final

from retrainctl.ilearner import conversion
from retrainctl.ilearner.errors import IlearnerError
from retrainctl.ilearner.limits import DEFAULT_LIMITS, Limits
from retrainctl.ilearner.onnx_columns import framed
from retrainctl.ilearner.onnx_scoring import OnnxModel
from retrainctl.ilearner.reader import read_model
from retrainctl.ilearner.rows import InputColumn
from retrainctl.ilearner.scoring_script import SCRIPT
from retrainctl.ilearner.sniff import SNIFF_BYTES, FileKind, refuse, sniff

MODEL: Final = "model.onnx"
DESCRIPTION: Final = "MLmodel"
"""The file that makes a folder an MLflow model; its flavours appear on the registered version."""

PYTHON: Final = "3.11"
_MLFLOW: Final = "3.17.2"
_ONNX: Final = "1.23.2"
REQUIREMENTS: Final = (f"mlflow=={_MLFLOW}", "numpy", "onnx", "onnxruntime==1.31.1", "pandas<3")
"""What the folder was loaded and scored with; the deployment installs it when its container starts. MLflow hands the
text columns of pandas 3 on as arrays that ONNX Runtime does not take."""
SCRIPT_REQUIREMENTS: Final = ("azureml-inference-server-http", "numpy", "onnxruntime==1.31.1")

_TYPES: Final = {
    "tensor(string)": "string",
    "tensor(double)": "double",
    "tensor(float)": "double",
    "tensor(int64)": "long",
    "tensor(int32)": "integer",
}
"""Column types of MLflow. The flavour itself turns doubles into single precision where the model takes that."""

_NAMESPACE: Final = uuid.UUID("5d1c6f4e-1a53-5b0e-9a6c-6b1a0f6f9e11")


class Form(StrEnum):
    """What a package is for."""

    MLFLOW = "mlflow"
    """A deployment without code: the registered model is the folder, and nothing else is needed."""
    SCRIPT = "script"
    """A deployment with a scoring script and an environment of its own: the registered model is the ONNX file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of the signature, in MLflow's words: `type` is string, double, long or integer."""

    name: str
    type: str


@dataclass(frozen=True, kw_only=True)
class Package:
    """Files by path in the folder, and what they are.

    model_type: the type of the registered version. inputs, outputs: the signature. source_sha256: of the packaged file.
    """

    form: Form
    files: Mapping[str, bytes]
    inputs: tuple[Column, ...]
    outputs: tuple[Column, ...]
    source_sha256: str

    @property
    def model_type(self) -> str:
        return "mlflow_model" if self.form is Form.MLFLOW else "custom_model"

    @cached_property
    def sha256(self) -> str:
        """SHA-256 over the names and the bytes of all files."""
        digest = hashlib.sha256()
        for name, data in sorted(self.files.items()):
            digest.update(f"{hashlib.sha256(data).hexdigest()}  {name}\n".encode())
        return digest.hexdigest()


def package(data: bytes, *, form: Form = Form.MLFLOW, limits: Limits = DEFAULT_LIMITS) -> Package:
    """The package of a model file: a Studio model is converted, an ONNX model taken as it is or brought into form.

    Raises:
        IlearnerError: another kind of file (RC701 to RC704), a damaged or not fully understood one (RC710), one that
            cannot be deployed in this form (RC713), or a missing library (RC720).
    """
    kind = sniff(data[:SNIFF_BYTES])
    if kind is FileKind.STUDIO:
        model = conversion.convert(read_model(data, limits=limits))
    elif kind is FileKind.ONNX:
        model = data
    else:
        raise refuse(kind)
    loaded = OnnxModel(model, limits=limits)
    if form is Form.MLFLOW and (brought := framed(model)) != model:
        model = brought
        loaded = OnnxModel(model, limits=limits)
    inputs, outputs = _signature(loaded)
    files = _mlflow(model, inputs, outputs) if form is Form.MLFLOW else _script(model)
    return Package(
        form=form,
        files=files,
        inputs=inputs,
        outputs=outputs,
        source_sha256=hashlib.sha256(data).hexdigest(),
    )


def input_data(columns: Sequence[InputColumn | Column], rows: Sequence[Mapping[str, object]]) -> dict[str, Any]:
    """A request of the MLflow scoring server: the rows' values in the order of the columns.

    Raises:
        IlearnerError: RC721, a row lacks a column.
    """
    names = [column.name for column in columns]
    for number, row in enumerate(rows, 1):
        if lacking := [name for name in names if name not in row]:
            raise IlearnerError(f"row {number} lacks the columns {', '.join(lacking[:8])}", code="RC721")
    return {
        "input_data": {
            "columns": names,
            "index": list(range(len(rows))),
            "data": [[row[name] for name in names] for row in rows],
        }
    }


def _signature(model: OnnxModel) -> tuple[tuple[Column, ...], tuple[Column, ...]]:
    types = model.column_types
    inputs = tuple(Column(name=column.name, type=_TYPES[types[column.name]]) for column in model.input_columns)
    return inputs, tuple(Column(name=name, type=_TYPES.get(kind, "string")) for name, kind in model.output_types)


def _mlflow(model: bytes, inputs: Sequence[Column], outputs: Sequence[Column]) -> dict[str, bytes]:
    signature = {
        "inputs": _json([{"type": one.type, "name": one.name, "required": True} for one in inputs]),
        "outputs": _json([{"type": one.type, "name": one.name, "required": True} for one in outputs]),
        "params": None,
    }
    description = {
        "flavors": {
            "onnx": {
                "code": None,
                "data": MODEL,
                "onnx_version": _ONNX,
                "providers": ["CPUExecutionProvider"],
            },
            "python_function": {
                "data": MODEL,
                "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
                "loader_module": "mlflow.onnx",
                "python_version": PYTHON,
            },
        },
        "mlflow_version": _MLFLOW,
        "model_size_bytes": len(model),
        "model_uuid": uuid.uuid5(_NAMESPACE, hashlib.sha256(model).hexdigest()).hex,
        "signature": signature,
    }
    return {
        DESCRIPTION: _yaml(description),
        MODEL: model,
        "conda.yaml": _yaml(_conda("mlflow-env", REQUIREMENTS)),
        "python_env.yaml": _yaml(
            {"python": PYTHON, "build_dependencies": ["pip"], "dependencies": ["-r requirements.txt"]}
        ),
        "requirements.txt": "".join(f"{one}\n" for one in REQUIREMENTS).encode(),
    }


def _script(model: bytes) -> dict[str, bytes]:
    return {
        f"model/{MODEL}": model,
        "code/score.py": SCRIPT,
        "environment/conda.yaml": _yaml(_conda("scoring", SCRIPT_REQUIREMENTS)),
    }


def _conda(name: str, requirements: Sequence[str]) -> dict[str, Any]:
    return {
        "channels": ["conda-forge"],
        "dependencies": [f"python={PYTHON}", "pip", {"pip": list(requirements)}],
        "name": name,
    }


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=True)


def _yaml(value: Mapping[str, Any]) -> bytes:
    """A mapping as YAML: block mappings, everything below a list and every text as JSON, which is YAML too."""
    return "".join(_lines(value, "")).encode("utf-8")


def _lines(value: Mapping[str, Any], indent: str) -> list[str]:
    lines: list[str] = []
    for name, member in value.items():
        if isinstance(member, Mapping):
            lines += [f"{indent}{name}:\n", *_lines(member, indent + "  ")]
        elif isinstance(member, list):
            lines += [f"{indent}{name}:\n", *(f"{indent}- {_json(one)}\n" for one in member)]
        else:
            lines.append(f"{indent}{name}: {_json(member)}\n")
    return lines

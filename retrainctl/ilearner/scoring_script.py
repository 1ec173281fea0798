"""The scoring script of a package with code: what `code/score.py` holds (azureml-v2.md section 10, way C).

It runs in the deployment's container, where retrainctl is not: numpy, onnxruntime and the inference server are there.
"""

from __future__ import annotations

from typing import Final

SCRIPT: Final = rb'''"""Scores rows with an ONNX model.

Takes {"input_data": {"columns": [NAME, ...], "data": [[VALUE, ...], ...]}}, gives a list of one object per row.
"""

import json
import os
from pathlib import Path

import numpy
import onnxruntime

NUMBERS = {
    "tensor(double)": numpy.float64,
    "tensor(float)": numpy.float32,
    "tensor(int64)": numpy.int64,
    "tensor(int32)": numpy.int32,
}
session = None
columns = None


def init():
    """Loads the model once, when the container starts."""
    global session, columns
    found = sorted(Path(os.environ["AZUREML_MODEL_DIR"]).rglob("*.onnx"))
    session = onnxruntime.InferenceSession(str(found[0]), providers=["CPUExecutionProvider"])
    named = session.get_modelmeta().custom_metadata_map.get("retrainctl.columns")
    columns = json.loads(named) if named else None


def run(raw_data):
    """Scores the rows of one request."""
    given = json.loads(raw_data)["input_data"]
    rows = given["data"]
    place = {name: number for number, name in enumerate(given["columns"])}
    feeds = {}
    for item in session.get_inputs():
        kind = NUMBERS.get(item.type, object)
        wide = columns if len(session.get_inputs()) == 1 and columns else [item.name]
        values = numpy.array([[row[place[name]] for name in wide] for row in rows], dtype=kind)
        feeds[item.name] = values if len(item.shape) == 2 else values.reshape(-1)
    outputs = session.run(None, feeds)
    names = [item.name for item in session.get_outputs()]
    tables = [value.tolist() if hasattr(value, "tolist") else value for value in outputs]
    return [{name: plain(table[number]) for name, table in zip(names, tables)} for number in range(len(rows))]


def plain(value):
    """One value per row where the model gives a list of one."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value
'''

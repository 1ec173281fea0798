"""`swagger.json` of one service, in the shape of the saved one (classic-api.md 5.6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from retrainctl.emulator.serving import Serving
from retrainctl.emulator.training.graph import Graph

_VERSION: Final = {
    "name": "api-version",
    "in": "query",
    "description": "API version",
    "required": False,
    "type": "string",
    "default": "2.0",
    "enum": ["2.0"],
}
_KEY: Final[list[dict[str, list[str]]]] = [{"api_key": []}]
_JOB_ID: Final = {"name": "jobId", "in": "path", "description": "job id", "required": True, "type": "string"}
_KINDS: Final = {
    "int": {"type": "integer", "format": "int32"},
    "float": {"type": "number", "format": "double"},
    "double": {"type": "number", "format": "double"},
    "boolean": {"type": "boolean"},
}


def describe(serving: Serving, graph: Graph, base: str, path: str) -> dict[str, Any]:
    """The document.

    Args:
        base: scheme and host that the service was called at.
        path: `/FLAVOUR/SCOPE/services/SERVICE`.
    """
    parts = urlsplit(base)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    info: dict[str, Any] = {
        "version": "2.0",
        "title": serving.title,
        "description": serving.description or "No description provided for this web service.",
    }
    if serving.endpoint:
        info |= {"x-endpoint-name": serving.endpoint, "x-endpoint-description": serving.description}
    return {
        "swagger": "2.0",
        "info": info,
        "host": f"{parts.hostname}:{port}",
        "basePath": path,
        "schemes": [parts.scheme],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "paths": _paths(),
        "definitions": _definitions(serving, graph),
        "securityDefinitions": {
            "api_key": {
                "type": "apiKey",
                "description": "For example: Bearer abc123",
                "name": "Authorization",
                "in": "header",
            }
        },
    }


def _operation(summary: str, name: str, parameters: list[Any], responses: dict[str, Any]) -> dict[str, Any]:
    return {
        "summary": summary,
        "operationId": name,
        "parameters": parameters,
        "responses": responses,
        "security": _KEY,
    }


def _said(status: str, description: str) -> dict[str, Any]:
    return {status: {"description": description}}


def _body(description: str, schema: str) -> list[Any]:
    reference = {"$ref": f"#/definitions/{schema}"}
    return [{"name": "body", "in": "body", "description": description, "schema": reference}]


def _paths() -> dict[str, Any]:
    status = {"$ref": "#/definitions/BatchExecutionStatus"}
    results = {"200": {"description": "Execution results", "schema": {"$ref": "#/definitions/ExecutionResults"}}}
    job = {"200": {"description": "The ID of submitted job", "schema": {"type": "string"}}}
    return {
        "/swagger.json": {
            "get": {
                "summary": "Get swagger API document for the web service",
                "operationId": "getSwaggerDocument",
                "parameters": [_VERSION],
                "responses": {"200": {"description": "Swagger API document for this service"}},
            }
        },
        "/execute?api-version=2.0&format=swagger": {
            "post": _operation(
                "Execute the web service and get a response synchronously",
                "execute",
                _body("Execution request", "ExecutionRequest"),
                results,
            )
        },
        "/jobs?api-version=2.0": {
            "post": _operation(
                "Submit an asynchronous job to execute the web service",
                "submitjob",
                _body("Batch execution request", "BatchExecutionRequest"),
                job,
            )
        },
        "/jobs/{jobId}?api-version=2.0": {
            "get": _operation(
                "Get the status for a give job",
                "getjobstatus",
                [_JOB_ID],
                {"200": {"description": "job status", "schema": status}},
            ),
            "delete": _operation(
                "Cancel a job", "canceljob", [_JOB_ID], {"204": {"description": "The job is successfully cancelled"}}
            ),
        },
        "/jobs/{jobId}/start?api-version=2.0": {
            "post": _operation(
                "Start running a job", "startjob", [_JOB_ID], _said("204", "The job is successfully started")
            )
        },
    }


def _definitions(serving: Serving, graph: Graph) -> dict[str, Any]:
    inputs = _ports(serving.properties.get("input"))
    outputs = _ports(serving.properties.get("output"))
    tables = [name for name in graph.outputs if not graph.delivers_model(name)]
    blob = {"$ref": "#/definitions/AzureBlobDataReference"}
    named: dict[str, Any] = {
        "ExecutionRequest": _object(
            "Execution request", Inputs=_ref("ExecutionInputs"), GlobalParameters=_ref("GlobalParameters")
        ),
        "ExecutionResults": _object("Execution Results", Results=_ref("ExecutionOutputs")),
        "BatchExecutionRequest": _object(
            "Batch execution request",
            GlobalParameters=_ref("GlobalParameters"),
            Inputs=_ref("BatchInputs"),
            Outputs=_ref("BatchOutputs"),
        ),
        "AzureBlobDataReference": _object(
            "Azure blob data reference",
            BaseLocation={"type": "string"},
            ConnectionString={"type": "string"},
            RelativeLocation={"type": "string"},
            SasBlobToken={"type": "string"},
        ),
        "BatchExecutionStatus": _object(
            "Batch execution status",
            StatusCode={
                "description": "job status code",
                "type": "string",
                "default": "NotStarted",
                "enum": ["NotStarted", "Running", "Failed", "Cancelled", "Finished"],
            },
            Results={"type": "object"},
            Details={"type": "string"},
        ),
        "GlobalParameters": {
            "title": "Global parameters definition",
            "properties": {name: _parameter(one.kind, one.default) for name, one in graph.parameters.items()},
            "type": "object",
        },
        "ExecutionInputs": _typed("Execution inputs defintion", {name: _items(name) for name in graph.inputs}),
        "ExecutionOutputs": _typed("Execution outputs defintion", {name: _items(name) for name in tables}),
        "BatchInputs": _typed("Batch inputs defintion", dict.fromkeys(graph.inputs, blob)),
        "BatchOutputs": _typed("Batch outputs defintion", dict.fromkeys(graph.outputs, blob)),
    }
    for name in graph.inputs:
        named[f"{name}Item"] = _item(inputs.get(name))
    for name in tables:
        named[f"{name}Item"] = _item(outputs.get(name))
    return named


def _parameter(kind: str, default: str | None) -> dict[str, Any]:
    described = {"description": "", **_KINDS.get(kind.lower(), {"type": "string"})}
    return described if default is None else {**described, "default": default}


def _object(title: str, **properties: Any) -> dict[str, Any]:
    return {"title": title, "properties": properties}


def _typed(title: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"title": title, "properties": properties, "type": "object"}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/definitions/{name}"}


def _items(port: str) -> dict[str, Any]:
    return {"items": _ref(f"{port}Item"), "type": "array"}


def _item(table: Any) -> dict[str, Any]:
    columns = table.get("properties") if isinstance(table, Mapping) else None
    properties = {}
    for name, column in columns.items() if isinstance(columns, Mapping) else ():
        described = {"type": str(column.get("type", "String")).lower()}
        if column.get("format"):
            described["format"] = str(column["format"]).lower()
        if column.get("enum"):
            described["enum"] = column["enum"]
        properties[name] = described
    return {"required": list(properties), "properties": properties, "type": "object"}


def _ports(schema: Any) -> Mapping[str, Any]:
    ports = schema.get("properties") if isinstance(schema, Mapping) else None
    return ports if isinstance(ports, Mapping) else {}

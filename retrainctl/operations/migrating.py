"""From a Studio web service and its model to a project for Azure Machine Learning v2: `import --to azureml`.

Nothing is asked and nothing is sent: the definition says what goes in and which module stands before the model, the
model file says what it takes. What of the service is not part of the model is named, never guessed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from retrainctl.definition import document as definitions
from retrainctl.errors import RetrainctlError
from retrainctl.fastclass import dataclass
from retrainctl.manifest.write import manifest, text
from retrainctl.operations.adopting import PROJECT_FILE, slug
from retrainctl.operations.folding import literal, one_line
from retrainctl.operations.row_files import read_definition

INSTANCE_TYPE: Final = "Standard_F4s_v2"
"""What the service takes where nothing is said (azureml-v2.md 2.3): written, because it can never be changed."""
DEPLOYMENT: Final = "blue"

_LONGEST_NAME: Final = 32
_SCHEMA: Final = "https://json-schema.org/draft/2020-12/schema"
_JSON_TYPES: Final = {"string": "string", "double": "number", "long": "integer", "integer": "integer"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Successor:
    """The files of the new project by path, the name of the endpoint, and what its user should know."""

    files: Mapping[str, bytes]
    endpoint: str
    notes: tuple[str, ...]


def successor(definition: Path, model: Path, *, name: str | None = None) -> Successor:
    """The project of the online endpoint that takes a web service's place.

    Args:
        definition: the service's exported JSON, or its input schema alone.
        model: the Studio or ONNX model that the service uses.
        name: of the endpoint; by default the service's.

    Raises:
        IlearnerError: the model cannot be read, converted or packaged, or does not stand where its columns are known.
        RetrainctlError: a file that cannot be read, or a model that does not fit the service (RC670).
    """
    from retrainctl.ilearner.files import load_bytes
    from retrainctl.ilearner.fit import fit_service
    from retrainctl.ilearner.inspection import inspect_file
    from retrainctl.ilearner.limits import DEFAULT_LIMITS
    from retrainctl.ilearner.packaging import input_data, package
    from retrainctl.ilearner.scorer import load_scorer
    from retrainctl.ilearner.service import read_service
    from retrainctl.ilearner.serving import score_service

    document = read_definition(definition)
    service = read_service(document)
    data = load_bytes(model, DEFAULT_LIMITS)
    findings = fit_service(inspect_file(model), service)
    if wrong := [finding for finding in findings if finding.code in ("RC750", "RC751")]:
        raise RetrainctlError(
            f"{model} does not fit the service: {'; '.join(finding.message for finding in wrong)}",
            code="RC670",
            hint=f"Take the model that the service uses now. {wrong[0].hint}",
        )
    made = package(data)
    notes = [finding.message for finding in findings]
    example: dict[str, Any] | None = None
    if service.example:
        notes += score_service(service, load_scorer(data)).notes
        rows = [_row(made.inputs, service.renamed(row)) for row in service.example]
        example = input_data(made.inputs, rows)
    elif service.steps:
        notes.append(f"the service's own modules were not run: {', '.join(step.module for step in service.steps)}")
    endpoint = endpoint_name(name or definitions.name_of(document) or definition.stem)
    stem = f"models/{endpoint}-1{model.suffix.lower() or '.ilearner'}"
    allowed = {column.name: column.allowed for column in service.columns}
    properties = document.get("properties")
    title = properties.get("title") if isinstance(properties, Mapping) else None
    files = {
        PROJECT_FILE: _project(endpoint).encode(),
        f"manifests/{endpoint}.yaml": _manifests(
            endpoint, stem, made.source_sha256, title if isinstance(title, str) else "", example is not None, notes
        ).encode(),
        stem: data,
        f"schemas/{endpoint}.json": _json(_input_schema(endpoint, made.inputs, allowed)),
    }
    if example is not None:
        files[f"examples/{endpoint}.json"] = _json(example)
    return Successor(files=files, endpoint=endpoint, notes=tuple(notes))


def write_project(folder: Path, files: Mapping[str, bytes]) -> Sequence[Path]:
    """Writes a new project; refuses before the first file when any of them is already there (RC004)."""
    for path in sorted(files):
        if (folder / path).exists():
            raise RetrainctlError(
                f"{folder / path} is already there", code="RC004", hint="Choose another folder with --dir."
            )
    written = []
    for path, data in sorted(files.items()):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        written.append(target)
    return written


def endpoint_name(name: str) -> str:
    """A name as the service takes it: 3 to 32 letters, digits and hyphens, a letter first (azureml-v2.md section 1)."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name)
    made = slug(words).lstrip("-0123456789")[:_LONGEST_NAME].strip("-")
    return made if len(made) > 2 else f"model-{made}".rstrip("-")


def _row(columns: Sequence[Any], row: Mapping[str, object]) -> dict[str, object]:
    """The values as the signature types them: MLflow turns no text into a number and no number into a text."""
    from retrainctl.ilearner.rows import number
    from retrainctl.ilearner.rows import text as words

    values: dict[str, object] = {}
    for column in columns:
        value = row[column.name]
        values[column.name] = words(value, 0, column.name) if column.type == "string" else number(value, 0, column.name)
    return values


def _project(endpoint: str) -> str:
    comment = (
        "The successor of a Studio web service. Beside the emulator, name your workspace:\n"
        "  prod: {azureml: {subscription: ..., resourceGroup: ..., workspace: ...}}"
    )
    spec = {"manifests": ["manifests/"], "environments": {"local": {"emulator": {}}}}
    return text([manifest("Project", endpoint, spec)], comment=comment)


def _manifests(endpoint: str, file: str, sha256: str, title: str, example: bool, notes: Sequence[str]) -> str:
    versions = [{"version": 1, "file": f"../{file}", "sha256": sha256}]
    front: dict[str, Any] = {"auth_mode": "key"}
    if title:
        front["description"] = literal(title)
    front["traffic"] = {DEPLOYMENT: 100}
    if example:
        front["example"] = f"../examples/{endpoint}.json"
    behind = {
        "endpoint_name": endpoint,
        "name": DEPLOYMENT,
        "model": f"{endpoint}@1",
        "instance_type": INSTANCE_TYPE,
        "instance_count": 1,
    }
    documents = [
        manifest("Model", endpoint, {"versions": versions}),
        manifest("OnlineEndpoint", endpoint, front),
        manifest("OnlineDeployment", f"{endpoint}-{DEPLOYMENT}", behind),
    ]
    return text(documents, comment="\n".join(one_line(note) for note in notes))


def _input_schema(endpoint: str, columns: Sequence[Any], allowed: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The request body as JSON Schema: which columns, in which order, of which types, with the service's values."""
    names = [column.name for column in columns]
    cells = []
    for column in columns:
        cell: dict[str, Any] = {"title": column.name, "type": _JSON_TYPES[column.type]}
        if column.type == "string" and allowed.get(column.name):
            cell["enum"] = list(allowed[column.name])
        cells.append(cell)
    row = {"type": "array", "prefixItems": cells, "minItems": len(cells), "items": False}
    table = {
        "type": "object",
        "required": ["columns", "data"],
        "properties": {
            "columns": {"const": names},
            "index": {"type": "array", "items": {"type": "integer"}},
            "data": {"type": "array", "items": row},
        },
    }
    return {
        "$schema": _SCHEMA,
        "title": f"A scoring request of {endpoint}",
        "type": "object",
        "required": ["input_data"],
        "properties": {"input_data": table},
    }


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()

"""YAML files of `az ml` as manifests: recognised by their `$schema`, their members are those of our kinds' `spec`.

Only the outermost level differs: what `az ml` writes at the top stands in `spec` here. Places are kept, so that every
finding points into the user's own file.
"""

from __future__ import annotations

from array import array
from typing import Any, Final

from retrainctl.diagnostics import Diagnostics
from retrainctl.manifest.document import Document, children, size

API: Final = "retrainctl/v1"

_KINDS: Final = {
    "managedonlineendpoint": "OnlineEndpoint",
    "kubernetesonlineendpoint": "OnlineEndpoint",
    "managedonlinedeployment": "OnlineDeployment",
    "kubernetesonlinedeployment": "OnlineDeployment",
    "batchendpoint": "BatchEndpoint",
    "modelbatchdeployment": "BatchDeployment",
    "pipelinecomponentbatchdeployment": "BatchDeployment",
    "batchdeployment": "BatchDeployment",
    "model": "Model",
}
_SUFFIX: Final = ".schema.json"
_IGNORED: Final = frozenset(
    {
        *("$schema", "id", "scoring_uri", "openapi_uri", "provisioning_state", "kind", "default_deployment_template"),
        *("system_metadata", "datastore"),
    }
)
"""What the service writes, and what has no counterpart in ARM (azureml-v2.md section 7)."""
_DEPLOYMENTS: Final = frozenset({"OnlineDeployment", "BatchDeployment"})


def is_foreign(document: Document) -> bool:
    """Whether a document is one of `az ml`: it has `$schema` and no `apiVersion`."""
    data = document.data
    return isinstance(data, dict) and isinstance(data.get("$schema"), str) and "apiVersion" not in data


def adopted(document: Document, found: Diagnostics) -> Document | None:
    """The document as a manifest; None, reported, for one that cannot be one."""
    kind = _kind(document.data["$schema"])
    name = document.data.get("name")
    if kind is None:
        hint = "Known are online and batch endpoints, their deployments, and models."
        found.error("RC194", "retrainctl has no kind for this schema", document.span(("$schema",), key=False), hint)
        return None
    if not isinstance(name, str) or not name:
        found.error("RC194", "the document needs a `name`", document.start, "`az ml` takes it from --name; write it.")
        return None
    made = _Rewriting(document)
    fine = _model(made, found) if kind == "Model" else _resource(made, kind, name, found)
    return made.finished() if fine else None


def _kind(schema: str) -> str | None:
    name = schema.rstrip("/").rpartition("/")[2]
    return _KINDS.get(name.removesuffix(_SUFFIX).casefold()) if name.endswith(_SUFFIX) else None


class _Rewriting:
    """Builds a document out of parts of another one, each with its place.

    data and marks grow together, in reading order; `moved` says where a reading position of the old document went.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.data: dict[str, Any] = {}
        self.marks = array(document.marks.typecode, [document.marks[0]])
        self.moved: dict[int, int] = {}
        self.members = {name: (key, value) for key, value, name, _ in children(document.data, 0)}

    def new(self, at: int = 0, times: int = 1) -> None:
        """Marks for nodes that the old document does not have: they stand where `at` stands."""
        self.marks.extend([self.document.marks[at]] * times)

    def take(self, name: str) -> Any:
        """A member's value, with key and all places below."""
        key, _ = self.members[name]
        self.moved[key] = len(self.marks)
        self.marks.append(self.document.marks[key])
        return self.value(name)

    def value(self, name: str) -> Any:
        _, value = self.members[name]
        data = self.document.data[name]
        for offset in range(size(data)):
            self.moved[value + offset] = len(self.marks) + offset
        self.marks.extend(self.document.marks[value : value + size(data)])
        return data

    def head(self, kind: str, name: str, after: int) -> None:
        """`apiVersion`, `kind`, `metadata: {name}` and the beginning of `spec`."""
        self.data.update(apiVersion=API, kind=kind, metadata={"name": name})
        self.new(times=2)
        self.new(self.members["$schema"][1], 2)
        self.new(after, 2)  # metadata and its value
        self.new(after, 2)  # name and its value
        self.new(times=2)  # spec and its value

    def finished(self) -> Document:
        old = self.document
        return Document(
            file=old.file,
            data=self.data,
            marks=self.marks,
            traps=[(self.moved[at], trap, key) for at, trap, key in old.traps if at in self.moved],
            refused=frozenset(self.moved[at] for at in old.refused if at in self.moved),
            templated=old.templated,
            broken=old.broken,
        )


def _resource(made: _Rewriting, kind: str, name: str, found: Diagnostics) -> bool:
    data = made.document.data
    address = name
    if kind in _DEPLOYMENTS:
        endpoint = data.get("endpoint_name")
        if not isinstance(endpoint, str):
            span = made.document.start
            found.error("RC194", "the document needs `endpoint_name`", span, "Name the endpoint that it belongs to.")
            return False
        address = f"{endpoint}.{name}"
    made.head(kind, address, made.members["name"][1])
    spec: dict[str, Any] = {}
    fine = True
    for member in data:
        if member in _IGNORED:
            continue
        if member == "settings" and kind == "BatchDeployment" and isinstance(data[member], dict):
            fine &= _settings(made, spec)
            continue
        if (wrong := _inline(member, data[member])) is not None:
            fine = False
            found.error("RC194", wrong, made.document.span((member,)), _REGISTER)
            continue
        spec[member] = made.take(member)
    made.data["spec"] = spec
    return fine


_REGISTER: Final = "Register it (or declare a Model), and name it: azureml:NAME:VERSION."


def _inline(member: str, value: Any) -> str | None:
    """Why a reference cannot be used: `az ml` would upload and register what stands in its place."""
    if member in ("model", "environment") and isinstance(value, dict):
        return f"{member} is defined inside the deployment, which would register another one at every apply"
    if member == "code_configuration" and isinstance(value, dict):
        code = value.get("code")
        if isinstance(code, str) and not code.startswith(("azureml:", "/subscriptions/")):
            return f"the code {code} is a local folder, which would be uploaded at every apply"
    return None


def _settings(made: _Rewriting, spec: dict[str, Any]) -> bool:
    """The members of a batch deployment's `settings`, which older files have at the top."""
    document = made.document
    _, value = made.members["settings"]
    for key, at, name, child in children(document.data["settings"], value):
        made.moved[key] = len(made.marks)
        made.marks.append(document.marks[key])
        for offset in range(size(child)):
            made.moved[at + offset] = len(made.marks) + offset
        made.marks.extend(document.marks[at : at + size(child)])
        spec[str(name)] = child
    return True


def _model(made: _Rewriting, found: Diagnostics) -> bool:
    """One version of a model: registered already where no `path` is given."""
    data = made.document.data
    given = str(data.get("version", ""))
    if not given.isdecimal() or int(given) < 1:
        span = made.document.span(("version",), key=False)
        found.error("RC194", "a version of a Model is a whole number from 1 on", span, "Write `version:` so.")
        return False
    name, (key, at) = data["name"], made.members["version"]
    made.head("Model", name, made.members["name"][1])
    made.new(key)  # versions
    made.new(at, 2)  # the list and its one version
    made.new(key)
    made.new(at)
    version: dict[str, Any] = {"version": int(given)}
    path = data.get("path")
    if isinstance(path, str) and not path.startswith("azureml:"):
        made.new(made.members["path"][0])
        made.new(made.members["path"][1])
        version["file"] = path
    else:
        made.new(key)
        made.new(at)
        version["registered"] = f"azureml:{name}:{given}"
    made.data["spec"] = {"versions": [version]}
    return True

"""Registered models of a workspace: a file becomes a package, the package blobs, the blobs a model version.

A version's files lie under the hash of what it was made from, in the workspace's own datastore; the same hash is a tag
of the version. The service protects neither the bytes behind a version nor its tags (azureml-v2.md 5.1): so a version
that is there is never written again, and one with another hash is refused.
"""

from __future__ import annotations

import hashlib
import io
import re
import threading
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, Final, Protocol

from retrainctl.fastclass import dataclass
from retrainctl.ilearner.errors import IlearnerError
from retrainctl.ilearner.limits import DEFAULT_LIMITS
from retrainctl.ilearner.packaging import DESCRIPTION, package
from retrainctl.ilearner.sniff import SNIFF_BYTES, FileKind, sniff
from retrainctl.model.values import Json, JsonObject
from retrainctl.model.versions import ModelVersion
from retrainctl.ports import BlobStore, Conflict, NotFound, Rejected
from retrainctl.targets.blob.place import blob_uri

SHA256_TAG: Final = "retrainctl.sha256"
"""Tag of a registered version: SHA-256 of the file or folder that it was made from."""
SOURCE_TAG: Final = "retrainctl.source"
"""Tag of a registered version: the name of that file or folder."""

DATASTORE: Final = "workspaceblobstore"
"""The datastore that every workspace has."""
FOLDER: Final = "retrainctl"

_SHA256: Final = "sha256"
_IDENTITY: Final = re.compile(r"(?P<workspace>/.+)/models/(?P<name>[^/]+)/versions/(?P<version>[^/]+)", re.IGNORECASE)
_PROVIDER: Final = re.compile(r"/providers/Microsoft\.MachineLearningServices(?=/workspaces/)", re.IGNORECASE)
_MLFLOW: Final = "mlflow_model"
_CUSTOM: Final = "custom_model"


class Reads(Protocol):
    """Reading a workspace's resources; `path` is an ARM id."""

    def get(self, path: str) -> JsonObject | None:
        """The resource, None when it is not there. Raises `TargetError`."""


class Workspace(Reads, Protocol):
    """The calls on a workspace's resources that registering needs."""

    def put(self, path: str, body: Json) -> JsonObject:
        """Writes it at once. Raises `TargetError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bundle:
    """What is registered: files by path below the version's folder; the version's own path is `root` below it.

    note: what somebody should know who deploys it.
    """

    model_type: str
    files: Mapping[str, bytes]
    root: str = ""
    note: str = ""


@dataclass(slots=True)
class AzuremlRegistry:
    """Registers versions (implements `ports.ModelRegistry`)."""

    workspace: Workspace
    store: BlobStore
    largest: int = DEFAULT_LIMITS.file_bytes
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _containers: dict[str, str] = field(default_factory=dict)

    def bring(self, version: ModelVersion, identity: str, path: Path | None) -> str | None:
        """As `ModelRegistry.bring`; `identity` is the ARM id of the model version."""
        found = _IDENTITY.fullmatch(identity)
        if found is None:
            raise Rejected(f"{identity} is not the id of a model version", hint="Plan again.", code="RC650", sent=False)
        live = self.workspace.get(identity)
        if live is not None:
            _check_known(version, identity, live)
            return None
        workspace, name = found["workspace"], found["name"]
        source = version.file or ""
        if path is None and source.startswith("azureml:"):
            kind = _CUSTOM if "." in source.rstrip("/").rpartition("/")[2] else _MLFLOW
            return self._register(identity, version, source, version.sha256, kind, f"registered {source} as {{}}")
        bundle, sha256 = self._bundle(version, path)
        prefix = f"{FOLDER}/{name}/{sha256}"
        sent = self._upload(self._container(workspace), prefix, bundle)
        plain = _PROVIDER.sub("", workspace)
        uri = f"azureml:/{plain}/datastores/{DATASTORE}/paths/{prefix}/{bundle.root}"
        shown = f"registered {source} as {{}} ({sent:,} of {len(bundle.files):,} files uploaded){bundle.note}"
        return self._register(identity, version, uri, sha256, bundle.model_type, shown)

    def _bundle(self, version: ModelVersion, path: Path | None) -> tuple[_Bundle, str]:
        """What to register and the hash of what it is made from. Raises `TargetError`."""
        if path is not None and path.is_dir():
            assert version.sha256 is not None
            return _folder(path), version.sha256
        data = self._bytes(version, path)
        sha256 = hashlib.sha256(data).hexdigest()
        if version.sha256 is not None and sha256 != version.sha256:
            raise Conflict(
                f"{version.file} has other bytes than {version.label} declares: its SHA-256 is {sha256}",
                code="RC659",
                hint="Restore it, or record it as a new version.",
                sent=False,
            )
        return _file(version, data), sha256

    def _bytes(self, version: ModelVersion, path: Path | None) -> bytes:
        if path is not None:
            return path.read_bytes()
        uri = version.file or ""
        facts = self.store.facts(uri)
        if facts.size > self.largest:
            raise Rejected(
                f"{uri} has {facts.size:,} bytes, the limit here is {self.largest:,}", code="RC664", sent=False
            )
        return b"".join(self.store.read(uri, etag=facts.etag))

    def _container(self, workspace: str) -> str:
        """The address of the default datastore's container, asked for once."""
        with self._lock:
            if workspace not in self._containers:
                self._containers[workspace] = container_of(self.workspace, workspace)
            return self._containers[workspace]

    def _upload(self, container: str, prefix: str, bundle: _Bundle) -> int:
        """Sees to it that all files are there; how many had to be sent."""
        base, _, name = container.rpartition("/")
        return sum(
            self._put(blob_uri(base, name, f"{prefix}/{path}"), data) for path, data in sorted(bundle.files.items())
        )

    def _put(self, uri: str, data: bytes) -> bool:
        sha256 = hashlib.sha256(data).hexdigest()
        if self._is_there(uri, sha256):
            return False
        try:
            self.store.create(uri, io.BytesIO(data), len(data), metadata={_SHA256: sha256})
        except Conflict:
            if self._is_there(uri, sha256):
                return False
            raise
        return True

    def _is_there(self, uri: str, sha256: str) -> bool:
        try:
            facts = self.store.facts(uri)
        except NotFound:
            return False
        digest = hashlib.sha256()
        for piece in self.store.read(uri, etag=facts.etag):
            digest.update(piece)
        if digest.hexdigest() != sha256:
            raise Conflict(
                f"{uri} is there with other bytes than this model's",
                code="RC657",
                hint="Somebody else wrote it: remove it, then apply again.",
                sent=False,
            )
        return True

    def _register(
        self, identity: str, version: ModelVersion, uri: str, sha256: str | None, kind: str, shown: str
    ) -> str:
        tags = {SOURCE_TAG: (version.file or "").rstrip("/").rpartition("/")[2]}
        if sha256 is not None:
            tags[SHA256_TAG] = sha256
        properties: dict[str, Json] = {"modelType": kind, "modelUri": uri, "tags": tags}
        self.workspace.put(identity, {"properties": properties})
        live = self.workspace.get(identity)
        flavors = ((live or {}).get("properties") or {}).get("flavors")  # type: ignore[union-attr]
        if kind == _MLFLOW and not flavors:
            raise Rejected(
                f"{_label(identity)} is registered, but the service found no flavours in its {DESCRIPTION}",
                code="RC669",
                hint=f"Check the files under {uri}; register mended ones as a new version.",
            )
        return shown.format(_label(identity))


def container_of(calls: Reads, workspace: str) -> str:
    """The address of the default datastore's container. Raises `TargetError`."""
    found = calls.get(f"{workspace}/datastores/{DATASTORE}")
    if found is None:
        raise NotFound(f"the workspace has no datastore {DATASTORE}", sent=False)
    said: Any = found.get("properties") or {}
    protocol, endpoint = said.get("protocol") or "https", said.get("endpoint") or "core.windows.net"
    return f"{protocol}://{said.get('accountName')}.blob.{endpoint}/{said.get('containerName')}"


def _check_known(version: ModelVersion, identity: str, live: JsonObject) -> None:
    """Refuses a registered version that says it has other bytes; one without a hash tag is taken as it is."""
    tag = _tags(live).get(SHA256_TAG)
    if tag is not None and version.sha256 is not None and tag.lower() != version.sha256:
        raise Conflict(
            f"{_label(identity)} is registered already, from other bytes than {version.label}: SHA-256 {tag}",
            code="RC668",
            hint="A registered version never changes: give the new bytes the next version number.",
            sent=False,
        )


def _folder(path: Path) -> _Bundle:
    files = {one.relative_to(path).as_posix(): one.read_bytes() for one in sorted(path.rglob("*")) if one.is_file()}
    return _Bundle(model_type=_MLFLOW if DESCRIPTION in files else _CUSTOM, files=files)


def _file(version: ModelVersion, data: bytes) -> _Bundle:
    """A Studio or ONNX model as a folder that needs no code; any other file as it is."""
    name = (version.file or "").rpartition("/")[2] or "model"
    kind = sniff(data[:SNIFF_BYTES])
    if kind not in (FileKind.STUDIO, FileKind.ONNX):
        return _Bundle(model_type=_CUSTOM, files={name: data}, root=name)
    try:
        made = package(data)
    except IlearnerError as error:
        if kind is FileKind.ONNX and error.code == "RC713":
            note = f"; it is a custom model, for which a deployment needs a scoring script: {error.message}"
            return _Bundle(model_type=_CUSTOM, files={name: data}, root=name, note=note)
        raise Rejected(
            f"{version.label} cannot be packaged: {error.message}", code=error.code, hint=error.hint, sent=False
        ) from error
    return _Bundle(model_type=made.model_type, files=made.files)


def _tags(live: JsonObject) -> dict[str, str]:
    properties: Any = live.get("properties")
    tags = properties.get("tags") if isinstance(properties, Mapping) else None
    return {str(name): str(value) for name, value in tags.items()} if isinstance(tags, Mapping) else {}


def _label(identity: str) -> str:
    found = _IDENTITY.fullmatch(identity)
    return identity if found is None else f"azureml:{found['name']}:{found['version']}"

"""Models and their versions: what a trained model slot can point at."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from retrainctl.diagnostics import Span
from retrainctl.fastclass import dataclass
from retrainctl.model.values import JsonObject, Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """One immutable `.ilearner` blob of a model.

    One of these is set: `uri`, the blob without a SAS query; `file`, a path in the project that apply uploads. In a
    slot of a target that registers models `uri` is the registered version's own id, and `file` may also be the address
    of the blob or of the job output that it is made from.
    `sha256` is lower-case hexadecimal. `metrics` are as Evaluate Model named them. `run` is the training job's id.
    `data` are the URIs of what it was trained with, `parameters` the web service parameters of the training job.
    """

    model: str
    version: int
    uri: str | None = None
    file: str | None = None
    registered: str | None = None
    sha256: str | None = None
    etag: str | None = None
    trained_at: str | None = None
    run: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    data: tuple[str, ...] = ()
    parameters: JsonObject = field(default_factory=dict)
    origin: Span | None = None

    @property
    def label(self) -> str:
        """`model@version`, as manifests write it."""
        return f"{self.model}@{self.version}"


class VersionRows(Sequence[ModelVersion]):
    """Versions that stand in a table, each made when it is asked for: large projects have more than they use."""

    __slots__ = ()

    @abstractmethod
    def find(self, version: int) -> ModelVersion | None:
        """The version of that number."""

    @abstractmethod
    def uris(self) -> Iterable[str | None]:
        """The `uri` of each, in order, without making them."""

    @abstractmethod
    def local(self) -> Iterable[ModelVersion]:
        """Those that are files of the project."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelLine:
    """A named line of versions, in ascending order. `spans` has the finer places of its manifest by path."""

    name: str
    versions: tuple[ModelVersion, ...] | VersionRows
    origin: Span | None = None
    spans: Mapping[Path, Span] = field(default_factory=dict, repr=False, compare=False)

    def find(self, version: int) -> ModelVersion | None:
        versions = self.versions
        if isinstance(versions, tuple):
            return next((v for v in versions if v.version == version), None)
        return versions.find(version)

    def uris(self) -> Iterable[str | None]:
        """The `uri` of each version, in order."""
        versions = self.versions
        return [v.uri for v in versions] if isinstance(versions, tuple) else versions.uris()

    def local(self) -> Iterable[ModelVersion]:
        """The versions that are files of the project."""
        versions = self.versions
        return [v for v in versions if v.file is not None] if isinstance(versions, tuple) else versions.local()

"""What the models themselves tell about a plan: nothing in a service checks that a new model fits it.

Local model files are always read. Blobs are read on request (`--read-models`), each once, within a limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from retrainctl.fastclass import dataclass
from retrainctl.model.address import Address
from retrainctl.model.change import ModelChange, Risk, Severity
from retrainctl.model.redaction import without_query
from retrainctl.model.versions import ModelVersion
from retrainctl.operations.model_files import MIB, Copy, ModelFiles, TooLarge
from retrainctl.plan.build import Examined
from retrainctl.ports import BlobStore, NotFound, Observer, Progress, SecretUnavailable, TargetError

if TYPE_CHECKING:
    from retrainctl.ilearner.errors import IlearnerError
    from retrainctl.ilearner.findings import Finding
    from retrainctl.ilearner.summary import Summary

LARGEST: Final = 64 * MIB
"""A blob beyond this is not read for a plan; Studio's models are kilobytes."""

SOON: Final = timedelta(days=7)
"""A signature that ends within this time is worth a word."""

_NO_LIBRARY: Final = "RC720"
_RISKS: Final[Mapping[str, tuple[str, Severity]]] = {
    "RC750": ("model-column-types", Severity.DANGER),
    "RC751": ("model-columns-missing", Severity.DANGER),
    "RC752": ("model-values-unseen", Severity.WARNING),
    "RC753": ("model-label-type", Severity.WARNING),
    "RC754": ("model-shape-changes", Severity.WARNING),
}
_CONTRACT: Final = ("input", "output", "package", "assets")

_Key = tuple[str | None, str | None, str | None, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was seen of one version: `summary` None where it could not be understood, `risks` of its blob or file."""

    summary: Summary | None = None
    risks: tuple[Risk, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Examiner:
    """Reads the models of all moves of a plan and says what does not fit (the planner's `Examine`).

    store: where blobs are, None to read local files only; `files` reads from the same. emulated: the environment is an
    emulator, which serves ONNX models too. now: for signatures that end soon. parallel: blobs at one time.
    """

    files: ModelFiles
    store: BlobStore | None
    emulated: bool
    now: Callable[[], datetime]
    observer: Observer
    parallel: int = 8

    def __call__(self, moving: Sequence[Examined]) -> Mapping[Address, Sequence[Risk]]:
        """The risks by address. Never raises for a model or a blob: what cannot be read is a risk."""
        looks = self._look_at_all(moving)
        return {
            entry.change.address: [risk for move in entry.change.models for risk in self._judge(entry, move, looks)]
            for entry in moving
        }

    def _look_at_all(self, moving: Sequence[Examined]) -> dict[_Key, Look]:
        wanted: dict[_Key, ModelVersion] = {}
        for entry in moving:
            known = _definition(entry) is not None
            for move in entry.change.models:
                former = None if known else _former(move)
                for version in (move.after, former):
                    if version is not None and self.files.can_read(version):
                        wanted.setdefault(_key(version), version)
        found: dict[_Key, Look] = {}
        with ThreadPoolExecutor(max_workers=max(1, min(self.parallel, len(wanted)))) as pool:
            for key, look in zip(wanted, pool.map(self._look, wanted.values()), strict=True):
                found[key] = look
                if self.store is not None:
                    self.observer.progress(Progress(task="read models", done=len(found), total=len(wanted)))
        return found

    def _look(self, version: ModelVersion) -> Look:
        label = version.label
        try:
            copy = self.files.copy(version)
        except NotFound as error:
            severity = Severity.WARNING if self.emulated else Severity.DANGER
            return _only(_risk("blob-missing", f"{label}: {error.message}", severity, error.hint))
        except TooLarge as error:
            return _only(_risk("model-not-read", f"{label} was not looked into: {error.message}", Severity.NOTE))
        except (TargetError, SecretUnavailable) as error:
            text = f"{label} was not looked into: {error.message}"
            return _only(_risk("blob-unreadable", text, Severity.WARNING, error.hint))
        except OSError as error:
            place = version.file or "its copy"
            text = f"{label} was not looked into: {place} cannot be read: {error.strerror}"
            return _only(_risk("model-unreadable", text, Severity.DANGER))
        risks = [*self._blob(version, copy)]
        summary: Summary | None = None
        from retrainctl.ilearner.errors import IlearnerError
        from retrainctl.ilearner.inspection import inspect_file

        try:
            summary = inspect_file(copy.path)
        except IlearnerError as error:
            risks.append(_unreadable(label, error))
        else:
            risks.extend(self._kind(label, summary))
        return Look(summary=summary, risks=tuple(risks))

    def _blob(self, version: ModelVersion, copy: Copy) -> Iterator[Risk]:
        """A blob that is not the recorded one any more, and a signature that ends soon."""
        if copy.facts is None or version.uri is None or self.store is None:
            return
        if version.sha256 is not None and version.sha256 != copy.sha256:
            yield _risk(
                "blob-hash-differs",
                f"the blob of {version.label} has other bytes than declared: its SHA-256 is {copy.sha256}",
                Severity.DANGER,
                "Restore the blob, or record its content as a new version.",
            )
        elif version.sha256 is None and not same_etag(version.etag, copy.facts.etag):
            yield _risk(
                "blob-changed",
                f"the blob of {version.label} was written again since it was recorded: its ETag is another one",
                Severity.WARNING,
                "Declare its sha256 too: then the bytes decide.",
            )
        ends = self.store.expires(version.uri)
        if ends is not None and ends - self.now() < SOON:
            yield _risk(
                "sas-ends-soon",
                f"the signature that {version.label} is reached with ends at {ends:%Y-%m-%dT%H:%M:%SZ}",
                Severity.WARNING,
                "Make a new one, or use the account's key or azure-identity.",
            )

    def _kind(self, label: str, summary: Summary) -> Iterator[Risk]:
        from retrainctl.ilearner.sniff import FileKind

        if summary.kind is FileKind.ONNX and not self.emulated:
            yield _risk(
                "model-wrong-kind",
                f"{label} is an ONNX model, which a Studio web service cannot load",
                Severity.DANGER,
                "Give the `.ilearner` that the training service wrote.",
            )

    def _judge(self, entry: Examined, move: ModelChange, looks: Mapping[_Key, Look]) -> Iterator[Risk]:
        look = looks.get(_key(move.after))
        if look is None:
            return
        yield from look.risks
        if look.summary is None:
            return
        for finding in _misfits(entry, move, look.summary, looks):
            code, severity = _RISKS[finding.code]
            where = f', slot "{move.slot}"' if len(entry.change.models) > 1 else ""
            yield _risk(code, f"{finding.message} ({move.after.label}{where})", severity, finding.hint)


def _misfits(entry: Examined, move: ModelChange, summary: Summary, looks: Mapping[_Key, Look]) -> tuple[Finding, ...]:
    """Against the service where its definition is known, else against the model that the slot has now."""
    from retrainctl.ilearner.compare import changed_findings, compare_summaries
    from retrainctl.ilearner.errors import IlearnerError
    from retrainctl.ilearner.fit import fit

    definition = _definition(entry)
    if definition is not None:
        try:
            return fit(summary, definition)
        except IlearnerError:
            return ()  # an input that is no table: nothing can be said
    former = _former(move)
    old = looks.get(_key(former)) if former is not None else None
    if old is None or old.summary is None:
        return ()
    return changed_findings(compare_summaries(old.summary, summary))


def _definition(entry: Examined) -> Mapping[str, Any] | None:
    """The definition as it will be, where it tells what reaches the model: it says its input and has one model."""
    live = entry.observed.document.get("properties") if entry.observed is not None else None
    properties = {
        **(live if isinstance(live, Mapping) else {}),
        **{name: entry.desired.fields[name] for name in _CONTRACT if name in entry.desired.fields},
    }
    slots = entry.observed.slots if entry.observed is not None else entry.desired.slots
    return {"properties": properties} if properties.get("input") and len(slots) == 1 else None


def _former(move: ModelChange) -> ModelVersion | None:
    """What the slot has now, as a version that can be read."""
    if move.before is not None:
        return move.before
    return None if move.from_uri is None else ModelVersion(model="live", version=1, uri=move.from_uri)


def _unreadable(label: str, error: IlearnerError) -> Risk:
    if error.code == _NO_LIBRARY:
        return _risk("model-not-read", f"{label} was not looked into: {error.message}", Severity.NOTE, error.hint)
    return _risk("model-unreadable", f"{label} cannot be understood: {error.message}", Severity.DANGER, error.hint)


def _risk(code: str, message: str, severity: Severity, hint: str | None = None) -> Risk:
    return Risk(code=code, message=message, severity=severity, hint=hint)


def _only(risk: Risk) -> Look:
    return Look(risks=(risk,))


def same_etag(one: str | None, other: str | None) -> bool:
    """Whether two ETags are one; quotes do not count, and what is not known is no difference."""
    return one is None or other is None or one.strip('"') == other.strip('"')


def _key(version: ModelVersion) -> _Key:
    if version.file is not None:
        return version.file, None, version.sha256, None
    uri = None if version.uri is None else without_query(version.uri)
    return None, uri, version.sha256, version.etag

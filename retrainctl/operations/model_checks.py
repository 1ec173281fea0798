"""Whether model versions are what their manifests say: there, of the recorded bytes, and to be reached tomorrow."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field
from datetime import datetime
from pathlib import Path
from typing import Any

from retrainctl.diagnostics import Diagnostic, Severity
from retrainctl.fastclass import dataclass
from retrainctl.model.redaction import without_query
from retrainctl.model.versions import ModelVersion
from retrainctl.operations.examining import SOON, same_etag
from retrainctl.operations.model_files import Unreached, file_sha256, pieces
from retrainctl.ports import BlobFacts, BlobStore, Observer, Progress, SecretUnavailable, TargetError


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One version as it was found. `sha256` is of the bytes, where they were read; `expires` of the signature."""

    version: ModelVersion
    size: int | None = None
    sha256: str | None = None
    etag: str | None = None
    modified: datetime | None = None
    expires: datetime | None = None
    findings: tuple[Diagnostic, ...] = ()

    def document(self) -> dict[str, Any]:
        """As JSON data."""
        version = self.version
        return {
            "label": version.label,
            "uri": None if version.uri is None else without_query(version.uri),
            "file": version.file,
            "ok": not self.findings,
            "size": self.size,
            "sha256": self.sha256,
            "declared_sha256": version.sha256,
            "etag": self.etag,
            "modified": None if self.modified is None else _iso(self.modified),
            "expires": None if self.expires is None else _iso(self.expires),
            "findings": [_finding(one) for one in self.findings],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """Checks versions: existence, size, hash, and the end of the signature that they are reached with.

    now: the time that signatures are judged by. parallel: versions at one time.
    """

    store: BlobStore
    root: Path
    now: datetime
    observer: Observer
    parallel: int = 8
    _unreached: Unreached = field(default_factory=Unreached)

    def __call__(self, versions: Sequence[ModelVersion]) -> tuple[Checked, ...]:
        """In the order given. Never raises for what a store or a file does."""
        done: list[Checked] = []
        with ThreadPoolExecutor(max_workers=max(1, min(self.parallel, len(versions)))) as pool:
            for checked in pool.map(self._one, versions):
                done.append(checked)
                progress = Progress(
                    task="verify",
                    done=len(done),
                    total=len(versions),
                    item=checked.version.label,
                    outcome="finding" if checked.findings else "ok",
                )
                self.observer.progress(progress)
        return tuple(done)

    def _one(self, version: ModelVersion) -> Checked:
        if version.file is not None:
            return self._file(version, self.root / version.file)
        if version.uri is None:
            return Checked(version=version)
        try:
            return self._blob(version, version.uri)
        except (TargetError, SecretUnavailable) as error:
            return Checked(version=version, findings=(_say(version, error.code, error.message, error.hint),))

    def _file(self, version: ModelVersion, path: Path) -> Checked:
        try:
            size, sha256 = path.stat().st_size, file_sha256(path)
        except OSError as error:
            text = f"{version.file} cannot be read: {error.strerror}"
            return Checked(version=version, findings=(_say(version, "RC143", text, "Check the path."),))
        findings = [*_empty(version, size)]
        if version.sha256 is not None and version.sha256 != sha256:
            text = f"{version.file} is not what {version.label} declares: its SHA-256 is {sha256}"
            findings.append(_say(version, "RC148", text, "Restore the file, or record it as a new version."))
        return Checked(version=version, size=size, sha256=sha256, findings=tuple(findings))

    def _blob(self, version: ModelVersion, uri: str) -> Checked:
        with self._unreached.asking(uri):
            facts, ends = self.store.facts(uri), self.store.expires(uri)
        findings = [*_empty(version, facts.size), *self._signature(version, ends)]
        sha256 = None
        if version.sha256 is not None:
            sha256 = self._hash(uri, facts)
            if sha256 != version.sha256:
                text = f"the blob of {version.label} has other bytes than declared: its SHA-256 is {sha256}"
                findings.append(_say(version, "RC659", text, "Restore the blob, or record it as a new version."))
        elif not same_etag(version.etag, facts.etag):
            text = f"the blob of {version.label} was written again since it was recorded: its ETag is {facts.etag}"
            findings.append(_say(version, "RC660", text, "Declare its sha256 too.", Severity.WARNING))
        return Checked(
            version=version,
            size=facts.size,
            sha256=sha256,
            etag=facts.etag,
            modified=facts.modified,
            expires=ends,
            findings=tuple(findings),
        )

    def _hash(self, uri: str, facts: BlobFacts) -> str:
        digest = hashlib.sha256()
        for piece in pieces(self.store, uri, facts):
            digest.update(piece)
        return digest.hexdigest()

    def _signature(self, version: ModelVersion, ends: datetime | None) -> Iterator[Diagnostic]:
        if ends is None or ends - self.now >= SOON:
            return
        hint = "Make a new one, or use the account's key or azure-identity."
        if ends <= self.now:
            yield _say(version, "RC655", f"the signature for {version.label} ended at {_iso(ends)}", hint)
        else:
            text = f"the signature for {version.label} ends at {_iso(ends)}"
            yield _say(version, "RC665", text, hint, Severity.WARNING)


def _empty(version: ModelVersion, size: int) -> Iterator[Diagnostic]:
    if size == 0:
        yield _say(version, "RC667", f"{version.label} has no bytes", "Write the model again, as a new version.")


def _say(
    version: ModelVersion, code: str, message: str, hint: str | None, severity: Severity = Severity.ERROR
) -> Diagnostic:
    address = f"Model/{version.model}"
    return Diagnostic(code=code, message=message, severity=severity, span=version.origin, address=address, hint=hint)


def _finding(found: Diagnostic) -> dict[str, Any]:
    span = found.span
    return {
        "code": found.code,
        "severity": found.severity.value,
        "message": found.message,
        "hint": found.hint,
        "path": None if span is None else span.file,
        "line": None if span is None else span.line,
        "column": None if span is None else span.column,
    }


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def report(environment: str, checked: Sequence[Checked]) -> dict[str, Any]:
    """What a verification found, as JSON data."""
    return {
        "environment": environment,
        "findings": sum(len(one.findings) for one in checked),
        "versions": [one.document() for one in checked],
    }

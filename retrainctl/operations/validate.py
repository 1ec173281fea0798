"""`validate`: everything that can be known to be wrong without asking any target."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from retrainctl.diagnostics import Diagnostic, Severity
from retrainctl.manifest.load import Loaded, load
from retrainctl.plan.guard import matching

_BLOCK = 1 << 20


def validate(
    project_file: Path, environment: str, overrides: Mapping[str, str], environ: Mapping[str, str]
) -> tuple[Diagnostic, ...]:
    """Every finding about a project in one environment, errors and warnings.

    Takes what `retrainctl.manifest.load.load` takes. Reads the project's files only: no network, no secrets.

    Raises:
        InvalidInput: the project file itself cannot be read.
    """
    loaded = load(project_file, environment, overrides, environ)
    found = [*loaded.diagnostics, *_model_files(loaded)]
    if not any(finding.severity is Severity.ERROR for finding in found):
        found.extend(_idle_patterns(loaded))
    return tuple(found)


def _model_files(loaded: Loaded) -> Iterator[Diagnostic]:
    """Local model files whose bytes are not those that were declared."""
    for line in loaded.models.values():
        for version in line.local():
            if version.file is None or version.sha256 is None:
                continue
            path = loaded.project.root / version.file
            try:
                actual = _sha256(path)
            except OSError:
                continue  # `load` has said that it is missing
            if actual != version.sha256:
                yield Diagnostic(
                    code="RC148",
                    message=f"{version.file} is not what {version.label} declares: its SHA-256 is {actual}",
                    span=version.origin,
                    address=f"Model/{version.model}",
                    hint="Restore the file, or record it as a new version.",
                )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _idle_patterns(loaded: Loaded) -> Iterator[Diagnostic]:
    """Patterns of `protect` and `freeze` that fit nothing: most likely misspelled, and then they protect nothing."""
    guards = loaded.environment.guards
    for name, patterns in (("protect", guards.protect), ("freeze", guards.freeze)):
        for pattern in patterns:
            if not any(matching(desired.address, (pattern,)) for desired in loaded.desired):
                yield Diagnostic(
                    code="RC149",
                    severity=Severity.WARNING,
                    message=f'{name}: "{pattern}" fits no declared resource',
                    span=loaded.environment.span,
                    hint="Mend the pattern, or remove it.",
                )

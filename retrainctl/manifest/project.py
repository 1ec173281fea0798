"""The project file: environments, variables, where the manifests are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from retrainctl import schemas
from retrainctl.diagnostics import Diagnostics, Span
from retrainctl.errors import InvalidInput
from retrainctl.fastclass import dataclass
from retrainctl.manifest.document import Document, Step
from retrainctl.manifest.exemptions import exemptions
from retrainctl.manifest.explain import findings
from retrainctl.manifest.traps import report_traps
from retrainctl.manifest.tree import evaluate_part, is_expression
from retrainctl.model.environment import (
    EMULATOR_AZUREML_WORKSPACE,
    EMULATOR_LOCATION,
    EMULATOR_RESOURCE_GROUP,
    EMULATOR_SUBSCRIPTION,
    EMULATOR_WORKSPACE,
    ArmSettings,
    AzuremlSettings,
    ClassicSettings,
    EmulatorSettings,
    Environment,
    Guards,
    Project,
    StorageSettings,
)
from retrainctl.model.values import Json, Secret, SecretRef

FILE: Final = "retrainctl.yaml"
KIND: Final = "Project"
SCHEMA: Final = "project"

AZURE_LEDGER: Final = "azblob://"
_TARGETS: Final = ("arm", "classic", "azureml", "storage")
_EMULATOR_TOKEN: Final = Secret("emulator")
"""The emulator's tokens are built in; wiring puts the real one here."""


def find_project(start: Path, explicit: Path | None) -> Path:
    """The project file: the one that is named (a folder stands for the file in it), else the nearest one from
    `start` upwards.

    Raises:
        InvalidInput: there is none.
    """
    if explicit is not None:
        file = explicit / FILE if explicit.is_dir() else explicit
        if file.is_file():
            return file
        raise no_project(f"there is no project file {file}", "Name the file with --project, or run `retrainctl init`.")
    here = start.resolve()
    for folder in (here, *here.parents):
        if (folder / FILE).is_file():
            return folder / FILE
    raise no_project(
        f"there is no {FILE} in {here} or above it",
        "Change to the project's folder, name the file with --project, or run `retrainctl init`.",
    )


def no_project(message: str, hint: str) -> InvalidInput:
    """The error for a project file that cannot be found or read."""
    found = Diagnostics()
    found.error("RC010", message, None, hint)
    return InvalidInput(found, message)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadProject:
    """The project as far as it could be read.

    manifests: the entries of `spec.manifests` with their places; None where none are given. variables: by
    environment. broken: environments with errors. sound: whether the rest is free of errors.
    """

    project: Project
    manifests: tuple[tuple[str, Span], ...] | None
    variables: Mapping[str, Mapping[str, Json]]
    broken: frozenset[str]
    sound: bool


def read_project(document: Document, root: Path, file: Path, found: Diagnostics) -> ReadProject:
    """Checks and decodes the Project document; everything wrong is reported, everything right is used."""
    trapped = report_traps(document, SCHEMA, found)
    spec = _mapping(document.data.get("spec"))
    shared = _variables(document, ("spec", "vars"), spec.get("vars"), found)
    environments = _mapping(spec.get("environments"))
    finished: dict[str, Any] = {}
    variables: dict[str, Mapping[str, Json]] = {}
    broken: set[str] = set()
    for name, settings in environments.items():
        own = _mapping(settings).get("vars")
        variables[name] = {**shared, **_variables(document, ("spec", "environments", name, "vars"), own, found)}
        finished[name], fine = _evaluated(document, name, variables[name], found)
        if not fine:
            broken.add(name)
    data = {**document.data, "spec": {**spec, "environments": finished}} if environments else document.data
    sound = not document.broken and not trapped
    for path in _violations(document, data, trapped, found):
        if path[:2] == ("spec", "environments") and len(path) > 2:
            broken.add(str(path[2]))
        else:
            sound = False
    decoded = {
        name: _environment(name, settings, variables[name], document, root, found)
        for name, settings in finished.items()
        if name not in broken
    }
    entries = spec.get("manifests")
    project = Project(
        name=str(_mapping(document.data.get("metadata")).get("name", "")),
        root=root,
        file=file,
        manifests=tuple(entry for entry in entries if isinstance(entry, str)) if isinstance(entries, list) else (),
        vars=shared,
        environments=decoded,
    )
    places = tuple(
        (entry, document.span(("spec", "manifests", position), key=False))
        for position, entry in enumerate(project.manifests)
    )
    manifests = places if isinstance(entries, list) else None
    return ReadProject(project=project, manifests=manifests, variables=variables, broken=frozenset(broken), sound=sound)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _variables(document: Document, path: tuple[str, ...], declared: Any, found: Diagnostics) -> Mapping[str, Json]:
    """Variables as declared: plain values, no expressions."""
    values = _mapping(declared)
    if document.templated:
        for name, value in values.items():
            if _holds_expression(value):
                message = f"the variable {name} holds an expression; variables are plain values"
                found.error("RC121", message, document.span((*path, name)), "Write the value out.")
    return values


def _holds_expression(value: Any) -> bool:
    if isinstance(value, str):
        return "{{" in value
    if isinstance(value, Mapping):
        return any(map(_holds_expression, value.values()))
    return isinstance(value, list) and any(map(_holds_expression, value))


def _evaluated(document: Document, name: str, variables: Mapping[str, Json], found: Diagnostics) -> tuple[Any, bool]:
    """An environment's settings with their expressions evaluated, and whether all of them could be."""
    settings = document.data["spec"]["environments"][name]
    if not document.templated or not _holds_expression(settings):
        return settings, True
    path = ("spec", "environments", name)
    evaluated, failures = evaluate_part(document, path, {"vars": variables, "environment": name})
    for at, error in failures:
        found.error(error.code, error.message, document.span_at(at), error.hint)
    return settings if failures else evaluated, not failures


def _violations(document: Document, data: Any, trapped: frozenset[int], found: Diagnostics) -> list[tuple[Step, ...]]:
    """Reports what breaks the schema; gives the paths."""
    checker = schemas.checker(SCHEMA)
    paths: list[tuple[Step, ...]] = []
    violations = () if checker.is_valid(data) else checker.violations(data)
    for finding in findings(violations):
        key, value, _ = document.find(finding.path)
        paths.append(finding.path)
        if value not in trapped and not is_expression(data, finding.path):
            found.error(finding.code, finding.message, document.span_at(key if finding.at_key else value), finding.hint)
    for name, settings in _mapping(_mapping(data.get("spec")).get("environments")).items():
        for target in _TARGETS if "emulator" in _mapping(settings) else ():
            if target in settings and not (target == "storage" and _only_of_ledger(settings)):
                path = ("spec", "environments", name, target)
                message = f"environment {name} says both emulator and {target}; the emulator stands for every target"
                found.error("RC015", message, document.span(path), f"Remove `emulator` or `{target}`.")
                paths.append(path)
    return paths


def _only_of_ledger(settings: Mapping[str, Any]) -> bool:
    """Whether the storage settings are those of the account that the ledger is kept in: it may be a real one beside
    an emulator."""
    place = str(settings.get("ledger", ""))
    account = place.removeprefix(AZURE_LEDGER).partition("/")[0] if place.startswith(AZURE_LEDGER) else ""
    return set(_mapping(settings.get("storage"))) == {account}


def _environment(
    name: str,
    settings: Mapping[str, Any],
    variables: Mapping[str, Json],
    document: Document,
    root: Path,
    found: Diagnostics,
) -> Environment:
    """One environment, its settings checked before."""

    def allowance(position: int, member: str) -> Span:
        return document.span(("spec", "environments", name, "drift", "allow", position, member))

    emulator = settings.get("emulator")
    storage = {account: _storage(account, how) for account, how in settings.get("storage", {}).items()}
    limits = settings.get("limits", {})
    guards = Guards(
        limits=limits if emulator is not None else {"deletes": 0, **limits},
        protect=tuple(settings.get("protect", ())),
        freeze=tuple(settings.get("freeze", ())),
    )
    return Environment(
        name=name,
        vars=variables,
        arm=_emulated_arm() if emulator is not None else _arm(settings.get("arm")),
        classic=_emulated_classic() if emulator is not None else _classic(settings.get("classic")),
        azureml=_emulated_azureml() if emulator is not None else _azureml(settings.get("azureml")),
        storage=storage if emulator is None else {},
        ledger_storage=None if emulator is None else next(iter(storage.values()), None),
        emulator=None if emulator is None else _emulator(emulator, root),
        ledger=settings.get("ledger"),
        guards=guards,
        rollout=settings.get("rollout", {}),
        allowed_drift=exemptions(settings.get("drift", {}).get("allow", ()), allowance, found),
        span=document.span(("spec", "environments", name)),
    )


def _arm(settings: Mapping[str, Any] | None) -> ArmSettings | None:
    if settings is None:
        return None
    optional = {"apiVersion": "api_version", "endpoint": "endpoint", "location": "location", "tenant": "tenant"}
    given = {field: settings[name] for name, field in optional.items() if name in settings}
    if "endpoint" in given:
        given["endpoint"] = given["endpoint"].rstrip("/")
    return ArmSettings(subscription=settings["subscription"], resource_group=settings["resourceGroup"], **given)


def _emulated_arm() -> ArmSettings:
    return ArmSettings(
        subscription=EMULATOR_SUBSCRIPTION, resource_group=EMULATOR_RESOURCE_GROUP, location=EMULATOR_LOCATION
    )


def _azureml(settings: Mapping[str, Any] | None) -> AzuremlSettings | None:
    if settings is None:
        return None
    optional = {"apiVersion": "api_version", "endpoint": "endpoint", "location": "location", "tenant": "tenant"}
    given = {field: settings[name] for name, field in optional.items() if name in settings}
    if "endpoint" in given:
        given["endpoint"] = given["endpoint"].rstrip("/")
    return AzuremlSettings(
        subscription=settings["subscription"],
        resource_group=settings["resourceGroup"],
        workspace=settings["workspace"],
        **given,
    )


def _emulated_azureml() -> AzuremlSettings:
    return AzuremlSettings(
        subscription=EMULATOR_SUBSCRIPTION,
        resource_group=EMULATOR_RESOURCE_GROUP,
        workspace=EMULATOR_AZUREML_WORKSPACE,
        location=EMULATOR_LOCATION,
    )


def _classic(settings: Mapping[str, Any] | None) -> ClassicSettings | None:
    if settings is None:
        return None
    return ClassicSettings(
        workspace=settings["workspace"],
        location=settings["location"],
        token=SecretRef.from_json(settings["token"]),
        tier=settings.get("tier", "Standard"),
        hosts=settings.get("hosts", {}),
        field_updates=settings.get("fieldUpdates", "patch"),
    )


def _emulated_classic() -> ClassicSettings:
    return ClassicSettings(workspace=EMULATOR_WORKSPACE, location=EMULATOR_LOCATION, token=_EMULATOR_TOKEN)


def _storage(account: str, how: Mapping[str, Any]) -> StorageSettings:
    given = {name: SecretRef.from_json(how[name]) for name in ("key", "sas") if name in how}
    return StorageSettings(account=account, endpoint=how.get("endpoint"), **given)


def _emulator(settings: Mapping[str, Any], root: Path) -> EmulatorSettings:
    """Its folder is relative to the project file; it may be another project's, so that they share one emulator."""
    state = settings.get("state")
    return EmulatorSettings(state=None if state is None else root / state)

"""The door of this room: a project's files to desired state, with everything that is wrong in them.

A manifest's way: `yamlfile` (text to data and places) -> `tree` (expressions, `forEach`) -> JSON Schema -> the kind's
handler (to a noun of `retrainctl.model`) -> `references` (what it names exists).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Any, Final

from retrainctl.diagnostics import Diagnostic, Diagnostics, Span
from retrainctl.fastclass import dataclass
from retrainctl.manifest import yamlfile
from retrainctl.manifest.assemble import Assembly
from retrainctl.manifest.azml import adopted, is_foreign
from retrainctl.manifest.context import ANY, Context
from retrainctl.manifest.definitions import Definitions
from retrainctl.manifest.discover import DEFAULT, Discovery
from retrainctl.manifest.document import Document
from retrainctl.manifest.handler import KindHandler, RawDocument
from retrainctl.manifest.kinds import handler_of, handlers
from retrainctl.manifest.project import KIND, ReadProject, no_project, read_project
from retrainctl.manifest.references import check_circles, check_waiting
from retrainctl.manifest.source import MAX_YAML, Sources
from retrainctl.manifest.suggest import closest, hint
from retrainctl.manifest.tables import Tables
from retrainctl.manifest.variables import resolve
from retrainctl.manifest.versions import VersionTables
from retrainctl.model.environment import Environment, Project
from retrainctl.model.resource import Desired
from retrainctl.model.versions import ModelLine

MAX_ALIKE: Final = 100
"""So many findings with one code are shown per file."""

_FALLBACK: Final = Span("retrainctl.yaml", 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A project for one environment.

    environment: with the final values of its variables. documents: checked manifests of kinds that other rooms
    interpret, by kind. sources: every file that was read, relative to `project.root`, with its SHA-256.
    diagnostics: all findings; with an error among them, the rest is what could be read. Their files, as those of all
    spans, are relative to `project.root`, with `/`.
    """

    project: Project
    environment: Environment
    desired: tuple[Desired, ...] = ()
    models: Mapping[str, ModelLine] = field(default_factory=dict)
    documents: Mapping[str, tuple[RawDocument, ...]] = field(default_factory=dict)
    sources: tuple[tuple[str, str], ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def retrainings(self) -> tuple[RawDocument, ...]:
        return self.documents.get("Retraining", ())

    @property
    def policies(self) -> tuple[RawDocument, ...]:
        return self.documents.get("Policy", ())


def load(
    project_file: Path,
    environment: str,
    overrides: Mapping[str, str],
    environ: Mapping[str, str],
    *,
    only: frozenset[str] | None = None,
) -> Loaded:
    """Reads a project for one environment.

    Args:
        project_file: as found by `find_project`.
        environment: the environment's name.
        overrides: variables from the command line, name to text.
        environ: the process environment, for variables named RETRAINCTL_VAR_name. Secrets are not looked up.
        only: kinds to decode; manifests of others are passed over, and so are the files that these name.

    Returns:
        All that could be read, and every error. What only follows from another error is not reported.

    Raises:
        InvalidInput: the project file itself cannot be read.
    """
    found = Diagnostics()
    root = project_file.parent.resolve()
    sources = Sources(root, found)
    document, others = _project_document(project_file.name, sources, found)
    if document is None:
        project = Project(name="", root=root, file=project_file, manifests=())
        return _loaded(project, Environment(name=environment), sources, found)
    read = read_project(document, root, project_file, found)
    selected = _environment(read, environment, document, found)
    if selected is None:
        return _loaded(read.project, Environment(name=environment), sources, found)
    selected = _with_variables(selected, overrides, environ, found)
    context = _context(selected, read, sources, found)
    if only is None:
        _check_rollout(selected, document, context)
    assembly = Assembly(context)
    buckets: dict[int, list[tuple[Document, KindHandler]]] = {}
    for one in _documents(read, others, document, context):
        handler = _handler(one, context)
        if handler is not None and (only is None or handler.kind in only):
            buckets.setdefault(handler.stage, []).append((one, handler))
    for stage in sorted(buckets):
        for one, handler in buckets[stage]:
            assembly.add(one, handler)
    assembly.finish()
    check_waiting(context)
    check_circles(assembly.desired, context)
    return Loaded(
        project=read.project,
        environment=selected,
        desired=tuple(assembly.desired),
        models=context.models,
        documents={kind: tuple(documents) for kind, documents in assembly.raw.items()},
        sources=sources.pairs(),
        diagnostics=_ordered(found),
    )


def _loaded(project: Project, environment: Environment, sources: Sources, found: Diagnostics) -> Loaded:
    return Loaded(project=project, environment=environment, sources=sources.pairs(), diagnostics=_ordered(found))


def _ordered(found: Diagnostics) -> tuple[Diagnostic, ...]:
    """Each finding once, by place, those without one first; of many alike in a file the first and how many more."""
    unique = sorted(dict.fromkeys(found), key=lambda d: (d.span is not None, d.span or _FALLBACK))
    alike: Counter[tuple[str, str]] = Counter()
    shown: list[Diagnostic] = []
    for finding in unique:
        key = (finding.code, finding.span.file if finding.span else "")
        alike[key] += 1
        if alike[key] <= MAX_ALIKE:
            shown.append(finding)
    for (code, file), count in alike.items():
        if count > MAX_ALIKE:
            severity = next(d.severity for d in unique if d.code == code)
            message = f"{count - MAX_ALIKE} more findings like these{f' in {file}' if file else ''}"
            shown.append(
                Diagnostic(code=code, severity=severity, message=message, hint="Mend the ones that are shown first.")
            )
    return tuple(shown)


def _project_document(name: str, sources: Sources, found: Diagnostics) -> tuple[Document | None, list[Document]]:
    """The Project document of the project file, and the other documents in it. Raises when the file is unreadable."""
    data = sources.read(name, None, MAX_YAML)
    if data is None:
        problem = found.found[-1]
        raise no_project(problem.message, problem.hint or "Check the path.")
    text = sources.decode(data, name)
    documents = yamlfile.read(text, name, found) if text is not None else []
    projects = [one for one in documents if isinstance(one.data, dict) and one.data.get("kind") == KIND]
    if projects:
        return projects[0], [one for one in documents if one is not projects[0]]
    if text is not None and not any(one.broken for one in documents):
        given = documents[0].data.get("kind") if documents and isinstance(documents[0].data, dict) else None
        message = f"the project file needs a document of kind Project{f', not {given}' if given else ''}"
        found.error(
            "RC016",
            message,
            documents[0].start if documents else Span(name, 1, 1),
            "Begin it with apiVersion: retrainctl/v1, kind: Project; `retrainctl init` writes one.",
        )
    return None, []


def _environment(read: ReadProject, name: str, document: Document, found: Diagnostics) -> Environment | None:
    """The selected environment; where it has errors, what is left of it."""
    known = read.project.environments
    if name in known:
        return known[name]
    if name in read.broken:
        return Environment(name=name, vars=read.variables[name], span=document.span(("spec", "environments", name)))
    if read.sound:
        names = sorted({*known, *read.broken})
        near = closest(name, names)
        found.error(
            "RC012",
            f'there is no environment "{name}" in {document.file}',
            document.span(("spec", "environments")),
            (f"Did you mean --env {near}? " if near else "") + f"Environments here: {', '.join(names)}.",
        )
    return None


def _with_variables(
    environment: Environment, overrides: Mapping[str, str], environ: Mapping[str, str], found: Diagnostics
) -> Environment:
    return replace(environment, vars=resolve(environment.vars, environ, overrides, found))


def _context(environment: Environment, read: ReadProject, sources: Sources, found: Diagnostics) -> Context:
    tables = Tables(sources)
    return Context(
        environment=environment,
        environment_file=read.project.file.name,
        scope={"vars": environment.vars, "environment": environment.name},
        sources=sources,
        tables=tables,
        versions=VersionTables(tables, sources),
        definitions=Definitions(sources),
        found=found,
        environment_broken=environment.name in read.broken or not read.sound,
    )


def _check_rollout(environment: Environment, document: Document, context: Context) -> None:
    """The scoring requests that the rollout names must be files of the project."""
    checks: Any = environment.rollout.get("checks", ())
    for position, check in enumerate(checks):
        path = ("spec", "environments", environment.name, "rollout", "checks", position, "score")
        span = document.span(path, key=False)
        file = context.sources.inside(check["score"], document.file, span)
        if file is not None and not context.sources.is_file(file):
            context.found.error(
                "RC109", f"there is no file {file}", span, "Check the path; it is relative to this file."
            )


def _documents(read: ReadProject, others: list[Document], project: Document, context: Context) -> Iterator[Document]:
    """Every manifest of the project, those in the project file first."""
    yield from others
    entries = read.manifests
    if entries is None:
        default = (context.sources.root / DEFAULT).is_dir()
        entries = ((DEFAULT, project.start),) if default else ()
    discovery = Discovery(context.sources, {project.file})
    for entry, span in entries:
        for file in discovery.files(entry, project.file, span):
            text = context.sources.text(file, span)
            if text is None:
                context.unsure.kinds.add(ANY)
                continue
            documents = yamlfile.read(text, file, context.found)
            if not documents and not text.strip():
                hint = "Remove the file, or write a manifest into it."
                context.found.warning("RC108", "the file is empty", Span(file, 1, 1), hint)
            for one in documents:
                made = adopted(one, context.found) if is_foreign(one) else one
                if made is None:
                    context.unsure.kinds.add(ANY)
                else:
                    yield made


def _handler(document: Document, context: Context) -> KindHandler | None:
    """What decodes a document; None, reported, when it is no manifest of a known kind."""
    data, unsure = document.data, context.unsure
    if not isinstance(data, dict):
        unsure.kinds.add(ANY)
        if not document.broken:
            message = "a manifest is a mapping with apiVersion, kind, metadata and spec"
            context.found.error("RC108", message, document.start, "Begin it with apiVersion: retrainctl/v1.")
        return None
    kind = data.get("kind")
    if not isinstance(kind, str):
        unsure.kinds.add(ANY)
        known = hint("", sorted(handlers()), "kinds")
        if "kind" in data:
            context.found.error("RC112", "kind must be the name of a kind", document.span(("kind",), key=False), known)
        elif not document.broken:
            context.found.error("RC114", 'the document needs the field "kind"', document.start, known)
        return None
    handler = handler_of(kind)
    if handler is not None:
        return handler
    span = document.span(("kind",), key=False)
    if kind == KIND:
        message = "a second Project; a project has one, in its project file"
        context.found.error("RC119", message, span, "Remove this document, or leave its folder out of spec.manifests.")
        return None
    unsure.kinds.add(ANY)
    context.found.error("RC112", f'there is no kind "{kind[:40]}"', span, hint(kind, sorted(handlers()), "kinds"))
    return None

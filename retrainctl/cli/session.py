"""What most commands need: the project, its environment, and the way to its targets and its ledger."""

from __future__ import annotations

import os
from dataclasses import field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from retrainctl.cli import options
from retrainctl.cli.console import Console
from retrainctl.diagnostics import Severity
from retrainctl.errors import InvalidInput, UsageError
from retrainctl.fastclass import dataclass
from retrainctl.manifest.load import Loaded, load
from retrainctl.manifest.project import find_project
from retrainctl.version import __version__
from retrainctl.wiring.clock import SystemClock, iso
from retrainctl.wiring.connect import Outside, blob_store, hasher, online, open_ledger, resolver

if TYPE_CHECKING:
    from collections.abc import Sequence
    from functools import partial

    from retrainctl.ledger.ledger import Ledger
    from retrainctl.ledger.records import Who
    from retrainctl.operations.applying import Surroundings
    from retrainctl.operations.guarding import GuardSet
    from retrainctl.plan.plan import Source
    from retrainctl.ports import BlobStore, Observer, SecretResolver, TargetSet


@dataclass
class Session:
    """One command's work on one environment. What costs time is made when it is first asked for."""

    console: Console
    loaded: Loaded
    outside: Outside
    variables: dict[str, str] = field(default_factory=dict)

    @classmethod
    def open(
        cls,
        context: typer.Context,
        env: str | None,
        project: Path,
        var: Sequence[str] | None,
        *,
        parallel: int = 8,
        lenient: bool = False,
        copies: bool = False,
    ) -> Session:
        """Reads the project; shows warnings. Raises `InvalidInput` with all findings; `lenient`: only with those of the
        project file, for what needs no manifest; `copies`: definitions may come from copies of earlier reads."""
        console = Console.of(context)
        file = find_project(Path.cwd(), None if project == options.DEFAULT_PROJECT else project)
        console.folder = _shown_root(file)
        environment = options.environment_name(env, console)
        variables = options.variables(var)
        loaded = load(file, environment, variables, console.environ)
        errors = [d for d in loaded.diagnostics if d.severity is Severity.ERROR]
        if lenient:
            errors = [d for d in errors if d.span is None or d.span.file == file.name]
        if errors:
            raise InvalidInput(errors if lenient else loaded.diagnostics)
        if loaded.diagnostics and not lenient:
            from retrainctl.cli.findings import shown

            console.message(shown(loaded.diagnostics, console).rstrip("\n"))
        outside = Outside(
            environ=console.environ,
            clock=SystemClock(),
            redactor=console.redactor,
            parallel=max(1, parallel),
            copies=copies,
        )
        return cls(console=console, loaded=loaded, outside=outside, variables=variables)

    @cached_property
    def targets(self) -> TargetSet:
        """The live targets; starts the emulator where the environment is one."""
        return online(self.loaded.project, self.loaded.environment, self.outside)

    @cached_property
    def ledger(self) -> Ledger:
        return open_ledger(self.loaded.project, self.loaded.environment, self.outside)

    @cached_property
    def blobs(self) -> BlobStore:
        """The blobs of the environment; asks nobody before the first call."""
        return blob_store(self.loaded.project, self.loaded.environment, self.outside)

    @cached_property
    def resolver(self) -> SecretResolver:
        return resolver(self.loaded.project, self.loaded.environment, self.outside)

    @cached_property
    def secret_hash(self) -> partial[str | None]:
        return hasher(self.resolver, self.loaded.environment.name)

    @cached_property
    def source(self) -> Source:
        from retrainctl.operations.source import source_of

        return source_of(self.loaded.project.root, self.loaded.sources)

    def guards(self, ref: str | None) -> GuardSet:
        """The working tree's guards and policies, or those of a trusted Git ref; says on stderr which ones count.

        Raises `GuardsUnreadable`, and `InvalidInput` for errors that stand in the ref.
        """
        from retrainctl.operations.guarding import guards_from, own_guards

        now = self.outside.clock.now()
        if ref is None:
            return own_guards(self.loaded, now)
        file = self.loaded.project.root / self.loaded.project.file.name
        found = guards_from(ref, file, self.loaded.environment.name, self.console.environ, now)
        if found.source is not None:
            self.console.message(f"guards: limits, protections and policies of {ref} ({found.source[1][:10]})")
        return found

    @property
    def now(self) -> str:
        return iso(self.outside.clock.now())

    @cached_property
    def who(self) -> Who:
        import socket

        from retrainctl.ledger.holder import run_url
        from retrainctl.ledger.records import Who

        environ = self.console.environ
        user = environ.get("GITHUB_ACTOR") or environ.get("BUILD_REQUESTEDFOR") or environ.get("GITLAB_USER_LOGIN")

        return Who(user=user or _user(), host=socket.gethostname(), run_url=run_url(environ))

    def surroundings(self, observer: Observer) -> Surroundings:
        """Everything that an apply works with."""
        from retrainctl.apply.uploads import Uploads
        from retrainctl.operations.applying import Surroundings
        from retrainctl.wiring.registries import model_registries

        project, environment = self.loaded.project, self.loaded.environment
        return Surroundings(
            environment=environment,
            targets=self.targets,
            ledger=self.ledger,
            resolver=self.resolver,
            secret_hash=self.secret_hash,
            clock=self.outside.clock,
            observer=observer,
            who=self.who,
            version=__version__,
            entropy=os.urandom(6),
            uploads=Uploads(
                store=self.blobs,
                root=project.root,
                observer=observer,
                registries=model_registries(project, environment, self.outside, self.blobs),
            ),
        )

    def check_choice(self, env: str | None) -> None:
        """In a pipeline nothing is applied to an environment that nobody named (DESIGN.md section 8)."""
        named = env or self.console.environ.get("RETRAINCTL_ENV")
        only_local = set(self.loaded.project.environments) <= {options.DEFAULT_ENVIRONMENT}
        if self.console.in_automation and not named and not only_local:
            raise UsageError("a pipeline must name the environment", hint="Pass --env NAME, or set RETRAINCTL_ENV.")


def _shown_root(file: Path) -> Path:
    """The project's folder as the user would type it from here."""
    root = file.parent
    try:
        return Path(os.path.relpath(root))
    except ValueError:  # another drive
        return root


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"

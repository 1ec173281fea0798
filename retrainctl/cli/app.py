"""The root command: a table of commands, each imported only when it runs or shows its own help."""

# No `annotations` of `__future__` here: Typer would compile the text of each one again at every start.

from importlib import import_module
from typing import Annotated, Any, Final, NamedTuple

import typer
from typer.core import TyperGroup

from retrainctl.cli.options import common_parameters
from retrainctl.errors import UsageError
from retrainctl.version import __version__


class Entry(NamedTuple):
    """A command: the module with a function `command` or a Typer `app`, its line in the root's help, its section."""

    module: str
    help: str
    section: str


_OF_THE_ROOT: Final = ("install_completion", "show_completion")
_MAIN: Final = "Plan and apply"
_BRING: Final = "Bring in and out"
_LOOK: Final = "Look things up"
_SINGLE: Final = "One thing at a time"
_LOCAL: Final = "Try things"

COMMANDS: Final[dict[str, Entry]] = {
    "init": Entry("retrainctl.cli.init", "Make a project, from nothing or from what exists.", _MAIN),
    "validate": Entry("retrainctl.cli.validate", "Check the project and every manifest.", _MAIN),
    "plan": Entry("retrainctl.cli.plan", "Show what an apply would change.", _MAIN),
    "show": Entry("retrainctl.cli.show", "Show a saved plan or receipt again, in any format.", _MAIN),
    "apply": Entry("retrainctl.cli.apply", "Apply a plan, verified, with a receipt.", _MAIN),
    "promote": Entry("retrainctl.cli.promote", "Bring model versions from one environment to another.", _MAIN),
    "retrain": Entry("retrainctl.cli.retrain", "Train new versions, judge them, record the good ones.", _MAIN),
    "score": Entry("retrainctl.cli.score", "Score rows with a live web service.", _MAIN),
    "batch": Entry("retrainctl.cli.batch", "Run one batch job of a web service.", _MAIN),
    "rollback": Entry("retrainctl.cli.rollback", "Take back what a run changed.", _MAIN),
    "import": Entry("retrainctl.cli.imports", "Declare services that exist already.", _BRING),
    "export": Entry("retrainctl.cli.export", "Write a live definition as JSON.", _BRING),
    "snapshot": Entry("retrainctl.cli.snapshot", "Keep live state in files for offline plans.", _BRING),
    "models": Entry("retrainctl.cli.models", "List, verify, inspect, compare, convert and score models.", _LOOK),
    "history": Entry("retrainctl.cli.history", "Show what was applied, when, and by whom.", _LOOK),
    "status": Entry("retrainctl.cli.status", "Show what is live and what drifted.", _LOOK),
    "graph": Entry("retrainctl.cli.graph", "Show which model serves where.", _LOOK),
    "render": Entry("retrainctl.cli.render", "Show manifests with all values, and where a value comes from.", _LOOK),
    "lease": Entry("retrainctl.cli.lease", "Show or take the right to apply.", _LOOK),
    "explain": Entry("retrainctl.cli.explain", "Say what an error code means and how to mend it.", _LOOK),
    "doctor": Entry("retrainctl.cli.doctor", "Check whether an apply would work, and say what to mend.", _LOOK),
    "cmdlet": Entry("retrainctl.cli.cmdlet", "Give the command for a PowerShell cmdlet.", _LOOK),
    "completion": Entry("retrainctl.cli.completion", "Print the completion script of a shell.", _LOOK),
    "webservice": Entry("retrainctl.cli.webservice", "New web services: list, get, create, update, remove.", _SINGLE),
    "commitment-plan": Entry("retrainctl.cli.commitment_plan", "Commitment plans, their usage and sizes.", _SINGLE),
    "endpoint": Entry("retrainctl.cli.endpoint", "Classic endpoints: list, add, patch, refresh, remove.", _SINGLE),
    "classic": Entry("retrainctl.cli.classic", "Classic web services: list, get, deploy, remove.", _SINGLE),
    "experiment": Entry("retrainctl.cli.experiment", "Studio experiments: list, run, copy, export, import.", _SINGLE),
    "dataset": Entry("retrainctl.cli.dataset", "Studio datasets: list, upload, download, promote, remove.", _SINGLE),
    "trained-model": Entry("retrainctl.cli.trained_model", "Studio's trained models: list, promote.", _SINGLE),
    "transform": Entry("retrainctl.cli.transform", "Studio's transforms: list, promote.", _SINGLE),
    "module": Entry("retrainctl.cli.module", "Studio modules: list, create or update custom ones.", _SINGLE),
    "association": Entry("retrainctl.cli.association", "Which plan pays for which web service.", _SINGLE),
    "workspace": Entry("retrainctl.cli.workspace", "The Studio workspace and its users.", _SINGLE),
    "annotation": Entry("retrainctl.cli.annotation", "Comments on an experiment's canvas.", _SINGLE),
    "project": Entry("retrainctl.cli.project", "Projects of the Studio workspace.", _SINGLE),
    "notebook": Entry("retrainctl.cli.notebook", "Notebooks: list, attachments, open one.", _SINGLE),
    "gateway": Entry("retrainctl.cli.gateway", "Data gateways of the Studio workspace.", _SINGLE),
    "demo": Entry("retrainctl.cli.demo", "Tell the whole story against the emulator.", _LOCAL),
    "emulator": Entry("retrainctl.cli.emulator", "Run the embedded control plane.", _LOCAL),
}


class LazyGroup(TyperGroup):
    """A command group that knows its commands by name and loads one when it is needed."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        return list(COMMANDS)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]
        return load(cmd_name) if cmd_name in COMMANDS else None

    def resolve_command(self, ctx: typer.Context, args: list[str]) -> Any:  # type: ignore[override]
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(name, COMMANDS, n=3)
            hint = f"Did you mean {' or '.join(near)}?" if near else "See retrainctl --help for the commands."
            raise UsageError(f"there is no command {name}", hint=hint)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
        widest = max(map(len, COMMANDS))
        for section in dict.fromkeys(entry.section for entry in COMMANDS.values()):
            rows = [(name.ljust(widest), e.help) for name, e in COMMANDS.items() if e.section == section]
            with formatter.section(section):
                formatter.write_dl(rows)


def load(name: str) -> Any:
    """The command of this name, its module imported now, with the options that every command has."""
    module = import_module(COMMANDS[name].module)
    source = getattr(module, "app", None)
    if source is None:
        source = typer.Typer(add_completion=False)
        source.command(name)(module.command)
    command = typer.main.get_command(source)
    command.name = name
    _equip(command)
    return command


def _equip(command: Any) -> None:
    """Gives a command, or every command of a group, what all have in common."""
    # Plain help: Rich would cost its import, and boxes are noise for a screen reader.
    command.rich_markup_mode = None
    below = getattr(command, "commands", None)
    if below is None:
        command.params.extend(common_parameters())
        return
    command.params = [param for param in command.params if param.name not in _OF_THE_ROOT]
    for one in below.values():
        _equip(one)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"retrainctl {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Plan and apply for retrained Azure Machine Learning models.

    Describe web services and the model versions that they serve in manifests, see what would change, apply exactly
    that, and take it back when it was wrong.

    \b
    Start here:   retrainctl demo
    A command:    retrainctl COMMAND --help
    """


def root() -> Any:
    """The root command, without any command's module."""
    app = typer.Typer(cls=LazyGroup, add_completion=False, rich_markup_mode=None, no_args_is_help=True)
    app.callback(epilog="Exit codes: 0 done; 1 error, nothing written; 64 usage error. Each command lists its own.")(
        _root
    )
    command = typer.main.get_command(app)
    command.params.extend(common_parameters())
    return command

"""`retrainctl emulator`: the embedded control plane, up and down, seeded, and made to fail on purpose."""

from __future__ import annotations

import json
import os
import subprocess
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from retrainctl.errors import UsageError
from retrainctl.wiring import emulator as launcher

app = typer.Typer(
    help="The embedded control plane: a local stand-in for the Azure services.",
    epilog="\b\nExample:\n  retrainctl emulator up --seed seed/\n\nExit codes: each command lists its own.",
    no_args_is_help=True,
)


class Output(StrEnum):
    """Forms of `status`."""

    TEXT = "text"
    JSON = "json"


State = Annotated[
    Path | None,
    typer.Option("--state", metavar="DIR", help="State folder; default: .retrainctl/emulator beside retrainctl.yaml."),
]
_CODES = "Exit codes: 0 done; 1 error, nothing changed; 64 usage error."


@app.command(epilog="\b\nExample:\n  retrainctl emulator up --seed seed/\n\n" + _CODES)
def up(
    seed: Annotated[
        list[Path] | None, typer.Option("--seed", metavar="PATH", help="Definition JSON or folder with seed.yaml.")
    ] = None,
    https: Annotated[bool, typer.Option("--https", help="Serve TLS with a certificate made here.")] = False,
    foreground: Annotated[bool, typer.Option("--foreground", help="Stay, and end with Ctrl-C.")] = False,
    realistic: Annotated[bool, typer.Option("--realistic", help="Operations take as long as recorded.")] = False,
    retry_after: Annotated[
        int, typer.Option("--retry-after", min=0, metavar="SECONDS", help="Send Retry-After while operations run.")
    ] = 0,
    state: State = None,
) -> None:
    """Start the emulator, or find the one that runs; load seeds."""
    folder = _folder(state)
    seeds = seed or []
    if foreground:
        raise typer.Exit(_stay(folder, seeds, https=https, realistic=realistic, retry_after=retry_after))
    handle = launcher.ensure_running(folder, seeds=seeds, https=https, realistic=realistic, retry_after=retry_after)
    typer.echo(f"emulator {'started' if handle.started else 'already running'} at {handle.url} (process {handle.pid})")
    typer.echo(f"state: {handle.state}")
    if handle.ca is not None:
        typer.echo(f"certificate: {handle.ca}")


def _stay(folder: Path, seeds: list[Path], *, https: bool, realistic: bool, retry_after: int) -> int:
    """Become the server, so that every signal is its own; where a process cannot, wait for a child."""
    command = launcher.command(folder, https=https, realistic=realistic, retry_after=retry_after)
    for path in seeds:
        command += ["--seed", str(path)]
    if os.name == "posix":
        os.execv(command[0], command)  # noqa: S606 - our own interpreter and module
    return subprocess.call(command)  # noqa: S603


@app.command(epilog="\b\nExample:\n  retrainctl emulator down\n\n" + _CODES)
def down(state: State = None) -> None:
    """Stop the emulator; its state stays."""
    folder = _folder(state)
    typer.echo("emulator stopped" if launcher.stop(folder) else f"no emulator runs in {folder}")


@app.command(epilog="\b\nExample:\n  retrainctl emulator status --output json\n\n" + _CODES)
def status(
    state: State = None,
    output: Annotated[Output, typer.Option("--output", help="text or json.")] = Output.TEXT,
) -> None:
    """Show whether the emulator runs, what it holds, and which faults are on."""
    folder = _folder(state)
    handle = launcher.find(folder)
    shown: dict[str, Any] = {"running": handle is not None, "state": str(folder)}
    if handle is not None:
        shown |= {"url": handle.url, **launcher.control(handle, "GET", "status")}
    if output is Output.JSON:
        typer.echo(json.dumps(shown, indent=2))
    elif handle is None:
        typer.echo(f"no emulator runs in {folder}")
    else:
        _show_status(shown)


def _show_status(shown: dict[str, Any]) -> None:
    typer.echo(f"emulator running at {shown['url']} (process {shown['pid']}, since {shown['started']})")
    typer.echo(f"state: {shown['state']}")
    typer.echo(f"requests: {shown['requests']}, operations under way: {shown['operations']}")
    for kind, count in shown["resources"].items():
        typer.echo(f"  {count:6} {kind}")
    for name, value in shown["faults"].items():
        typer.echo(f"  fault {name}={value}")


@app.command(epilog="\b\nExample:\n  retrainctl emulator seed CreditRisk.json\n\n" + _CODES)
def seed(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Definition JSON or folder with seed.yaml.")],
    state: State = None,
) -> None:
    """Load seeds into the running emulator; what is there already stays as it is."""
    handle = _running(state)
    result = launcher.control(handle, "POST", "seed", {"paths": [str(path.resolve()) for path in paths]})
    for loaded in result["seeds"]:
        new = [name for names in loaded["new"].values() for name in names]
        present = sum(len(names) for names in loaded["present"].values())
        typer.echo(f"{loaded['path']}: {len(new)} new, {present} already there")
        for name in new:
            typer.echo(f"  + {name}")


@app.command(epilog="\b\nExample:\n  retrainctl emulator reset\n\n" + _CODES)
def reset(state: State = None) -> None:
    """Remove every service, blob and fault; the emulator goes on, empty."""
    launcher.control(_running(state), "POST", "reset")
    typer.echo("emulator is empty")


@app.command(epilog="\b\nExample:\n  retrainctl emulator faults throttle=0.1 'drop-after=first:1,PATCH'\n\n" + _CODES)
def faults(
    settings: Annotated[list[str] | None, typer.Argument(metavar="[NAME=VALUE]...", help="What to switch.")] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Switch everything back first.")] = False,
    state: State = None,
) -> None:
    """Show or switch faults, and what nobody knows of the real service; without arguments, list them all."""
    wishes: dict[str, str] = {}
    for setting in settings or []:
        name, sign, value = setting.partition("=")
        if not sign or not name:
            raise UsageError(f"{setting!r} is not NAME=VALUE", hint="retrainctl emulator faults lists the names")
        wishes[name] = value
    handle = _running(state)
    if clear:
        launcher.control(handle, "DELETE", "faults")
    if wishes:
        launcher.control(handle, "PUT", "faults", wishes)
    for knob in launcher.control(handle, "GET", "faults")["knobs"]:
        if not (wishes or clear):
            choices = f" [{'|'.join(knob['choices'])}]" if knob["choices"] else ""
            typer.echo(f"{knob['name']}={knob['value']}{choices}\n    {knob['meaning']}")
        elif knob["value"] != knob["default"]:
            typer.echo(f"{knob['name']}={knob['value']}")


def _folder(state: Path | None) -> Path:
    return launcher.default_state_dir(Path.cwd()) if state is None else state.absolute()


def _running(state: Path | None) -> launcher.EmulatorHandle:
    folder = _folder(state)
    handle = launcher.find(folder)
    if handle is None:
        raise launcher.EmulatorError(
            f"no emulator runs in {folder}", code="RC808", hint="retrainctl emulator up starts one"
        )
    return handle

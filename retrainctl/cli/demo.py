"""`retrainctl demo`: the whole story against the emulator, in a folder that is gone afterwards."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated, Final

import typer

from retrainctl.cli.console import Console
from retrainctl.cli.exits import Exit
from retrainctl.errors import RetrainctlError
from retrainctl.fastclass import dataclass


def command(
    context: typer.Context,
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="DIR", help="Leave the example project and its emulator in DIR.")
    ] = None,
) -> int:
    """Tell the whole story: emulator, example projects, plan, apply, predictions.

    \b
    Examples:
      retrainctl demo
      retrainctl demo --keep examples

    Exit codes: 0 done; the failing step's code otherwise.
    """
    from retrainctl.wiring import emulator

    console = Console.of(context)
    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise RetrainctlError(f"{keep} is not empty", code="RC004", hint="Name a new folder with --keep.")
    folder = keep or Path(tempfile.mkdtemp(prefix="retrainctl-demo-"))
    stories = [_Story(console, folder / name) for name in ("census", "bike-rental")]
    try:
        one_service, many_endpoints = stories
        return one_service.play(_ONE_SERVICE) or many_endpoints.play(_MANY_ENDPOINTS)
    finally:
        if keep is None:
            for story in stories:
                emulator.stop(story.state)
            shutil.rmtree(folder, ignore_errors=True)
            console.message("The demo's folder and its emulators are gone again.")
        else:
            console.message(f"The projects are in {folder}; their emulators run until `retrainctl emulator down`.")


_SEED: Final = "seed"
_ONE_SERVICE: Final = (
    ("1. An emulator on this machine holds a web service with version 1 of its model", _SEED),
    ("2. It scores with that model", "score WebService/census --input sample.json"),
    ("3. The manifest asks for version 2: what would change?", "plan --out plan.json"),
    ("4. Apply exactly that plan", "apply plan.json --yes"),
    ("5. The predictions have changed", "score WebService/census --input sample.json"),
    ("6. Plan again: the service is as the manifests say", "plan --detailed-exitcode"),
)
_MANY_ENDPOINTS: Final = (
    ("7. Another emulator holds a Classic service: one experiment, many locations, a model for each", _SEED),
    ("8. One manifest and a table of locations make an endpoint for each", "apply --yes --var locations=3"),
    (
        "9. The same day at two locations: two models, two predictions",
        "score Endpoint/rentalloc001 --input sample.json",
    ),
    ("", "score Endpoint/rentalloc003 --input sample.json"),
)


@dataclass(frozen=True, slots=True)
class _Story:
    """One example project, copied to `folder`, and its emulator."""

    console: Console
    folder: Path

    @property
    def state(self) -> Path:
        return self.folder / ".retrainctl" / "emulator"

    def play(self, steps: tuple[tuple[str, str], ...]) -> int:
        """Runs the steps, each a title and a command line, until one fails; the exit code of the last."""
        shutil.copytree(_examples() / self.folder.name, self.folder)
        for title, line in steps:
            if title:
                self.console.result(f"\n== {title}\n")
            if line == _SEED:
                self._seed()
                continue
            self.console.result(f"$ retrainctl {line}\n")
            if (code := self._run(line.split())) != Exit.DONE:
                return code
        return Exit.DONE

    def _seed(self) -> None:
        from retrainctl.wiring import emulator

        handle = emulator.ensure_running(self.state, seeds=[self.folder / _SEED])
        self.console.result(f"emulator at {handle.url}, seeded from {_SEED}/")

    def _run(self, arguments: list[str]) -> int:
        """One command, as if it were typed in the project's folder."""
        from retrainctl.cli.app import root

        full = [str(self.folder / one) if one.endswith(".json") else one for one in arguments]
        full += ["--project", str(self.folder / "retrainctl.yaml"), "--env", "local"]
        command = root()
        with command.make_context("retrainctl", full, obj=self.console) as context:
            code = command.invoke(context)
        return code if isinstance(code, int) else Exit.DONE


def _examples() -> Path:
    """The worked examples: inside the installed package, else beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "_manifests"
    return inside if inside.is_dir() else package.parent / "manifests"

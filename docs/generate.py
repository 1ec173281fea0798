"""Writes the generated reference pages: commands (from the parser), error codes (from the catalogue).

    python docs/generate.py            # write them
    python docs/generate.py --check    # exit 1 when a page is not up to date

Every page is a pure function of the code; tests/docs checks that they are up to date.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from retrainctl.cli import app
from retrainctl.codes import catalogue

REFERENCE = Path(__file__).resolve().parent / "site" / "reference"
WIDTH = 80
NOTE = "<!-- Written by docs/generate.py. Do not edit. -->\n"

AREAS = {
    "0": "Project and command line",
    "1": "Manifests",
    "2": "Definitions and snapshots",
    "3": "Targets",
    "4": "Plan and guards",
    "5": "Apply and ledger",
    "6": "Retraining and model versions",
    "7": "Model files",
    "8": "Emulator",
}


def pages() -> dict[Path, str]:
    """Every generated page with its text."""
    return {REFERENCE / "commands.md": commands_page(), REFERENCE / "errors.md": errors_page()}


def walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """A command and all below it, with their full names."""
    yield name, command
    for below, one in getattr(command, "commands", {}).items():
        yield from walk(f"{name} {below}", one)


def every_command() -> Iterator[tuple[str, Any]]:
    """All commands and subcommands, in the order of the root's help."""
    for name in app.COMMANDS:
        yield from walk(name, app.load(name))


def help_of(name: str, command: Any, width: int = WIDTH) -> str:
    """What `retrainctl NAME --help` prints on a terminal of this width."""
    # Typer's own context class; its parser library is not a door of ours.
    context = command.context_class(
        command, info_name=f"retrainctl {name}", terminal_width=width, max_content_width=width, color=False
    )
    with context:
        text: str = command.get_help(context)
    return "\n".join(line.rstrip() for line in text.splitlines()).strip() + "\n"


def commands_page() -> str:
    lines = [
        NOTE,
        "# Commands\n",
        "`retrainctl COMMAND --help` prints the same, offline. Results go to stdout; progress and messages go to stderr.",
        "[Exit codes](exit-codes.md) and [environment variables](environment.md) have pages of their own.\n",
    ]
    for section in dict.fromkeys(entry.section for entry in app.COMMANDS.values()):
        lines.append(f"\n## {section}\n")
        for name, entry in app.COMMANDS.items():
            if entry.section == section:
                for full, command in walk(name, app.load(name)):
                    lines += [f"\n### {full}\n", "```text", help_of(full, command).rstrip(), "```"]
    return "\n".join(lines) + "\n"


def errors_page() -> str:
    lines = [
        NOTE,
        "# Error codes\n",
        "Every error has a code. `retrainctl explain CODE` prints its entry, offline.\n",
    ]
    area = ""
    for name, code in catalogue().items():
        if name[2] != area:
            area = name[2]
            lines.append(f"\n## {AREAS[area]}\n")
        lines += [
            f"\n### {name} {_inert(code.title)} {{#{name.lower()}}}\n",
            f"**Cause.** {_inert(code.cause)}\n",
            f"**Fix.** {_inert(code.fix)}",
        ]
    return "\n".join(lines) + "\n"


def _inert(text: str) -> str:
    """Catalogue text has code spans and nothing else of Markdown: what is outside of them stays as it is."""
    parts = text.split("`")
    for index in range(0, len(parts), 2):
        for sign in "\\*_<[":
            parts[index] = parts[index].replace(sign, f"&#{ord(sign)};")
    return "`".join(parts)


def main() -> int:
    old = [path for path, text in pages().items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv:
        for path in old:
            print(f"{path.name} is not up to date: python docs/generate.py")
        return 1 if old else 0
    for path in old:
        path.write_text(pages()[path], encoding="utf-8")
        print(f"written: {path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

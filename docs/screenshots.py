"""Makes the pictures of the docs: the terminal in tmux at 80 and 200 columns, the HTML report, and the graph.

    python docs/screenshots.py [FOLDER]          # default: docs/site/images

Everything is real: the worked example runs on an emulator, tmux draws the terminal, Chromium takes the pictures.
Needs `retrainctl`, `tmux` and `chromium` on the PATH.
"""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
ROWS = 26
SGR = re.compile(r"\x1b\[([0-9;]*)m")
COLOURS = {
    "light": {
        "": ("#ffffff", "#1f2328"),
        "31": "#b3261e",
        "32": "#116329",
        "33": "#7d4e00",
        "35": "#6639ba",
        "36": "#0a5a73",
    },
    "dark": {
        "": ("#0d1117", "#e6edf3"),
        "31": "#ff7b72",
        "32": "#3fb950",
        "33": "#d29922",
        "35": "#d2a8ff",
        "36": "#56d4dd",
    },
}


def run(*words: str, cwd: Path | None = None) -> str:
    # The words are those of this script.
    done = subprocess.run(words, cwd=cwd, check=True, capture_output=True, text=True, timeout=120)  # noqa: S603
    return done.stdout


def terminal(command: str, folder: Path, columns: int, rows: int) -> str:
    """What stands in a tmux window of this size after the command, colours as escape sequences."""
    name = f"retrainctl-shot-{os.getpid()}"
    tmux = ["tmux", "-L", name]
    ready = folder / ".shot-ready"
    ready.unlink(missing_ok=True)
    script = f"{command}; touch {ready.name}; sleep 60"
    size = ["-x", str(columns), "-y", str(rows)]
    run(
        *tmux,
        "-f",
        "/dev/null",
        "new-session",
        "-d",
        *size,
        "-c",
        str(folder),
        "env",
        "-u",
        "NO_COLOR",
        "-u",
        "CI",
        "sh",
        "-c",
        script,
    )
    try:
        until = time.monotonic() + 60
        while not ready.exists():
            if time.monotonic() > until:
                raise TimeoutError(f"{command} did not end")
            time.sleep(0.05)
        time.sleep(0.2)
        return run(*tmux, "capture-pane", "-e", "-p").rstrip("\n")
    finally:
        ready.unlink(missing_ok=True)
        run(*tmux, "kill-server")


def page(text: str, theme: str) -> str:
    """The terminal's content as HTML, the base colours as a theme of that kind has them."""
    ground, ink = COLOURS[theme][""]
    parts, style, at = [], "", 0
    for match in SGR.finditer(text):
        parts.append(f'<span style="{style}">{html.escape(text[at : match.start()])}</span>')
        at = match.end()
        for code in match[1].split(";") if match[1] else ["0"]:
            if code in ("0", "39", "22"):
                style = ""
            elif code == "1":
                style += "font-weight:bold;"
            elif code == "2":
                style += "opacity:.65;"
            elif code in COLOURS[theme]:
                style += f"color:{COLOURS[theme][code]};"
    parts.append(html.escape(text[at:]))
    look = f"margin:0;padding:16px;background:{ground};color:{ink};font:14px/1.35 'DejaVu Sans Mono',monospace"
    head = f'<!doctype html><meta charset="utf-8"><body style="margin:0;background:{ground}">'
    return f'{head}<pre style="{look}">{"".join(parts)}</pre>'


def shot(address: Path, target: Path, width: int, height: int, *, dark: bool = False) -> None:
    with tempfile.TemporaryDirectory(prefix="retrainctl-shot-") as profile:
        more = ["--force-dark-mode"] if dark else []
        run(
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            f"--user-data-dir={profile}",
            f"--window-size={width},{height}",
            f"--screenshot={target}",
            *more,
            address.as_uri(),
        )


def main(target: Path) -> None:
    missing = [name for name in ("retrainctl", "tmux") if shutil.which(name) is None] + (
        [] if CHROMIUM else ["chromium"]
    )
    if missing:
        raise SystemExit(f"needs {', '.join(missing)} on the PATH")
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="retrainctl-docs-") as place:
        folder = Path(place) / "census"
        shutil.copytree(ROOT / "manifests/census", folder, ignore=shutil.ignore_patterns(".retrainctl"))
        run("retrainctl", "emulator", "up", "--seed", "seed", cwd=folder)
        try:
            run("retrainctl", "plan", "--env", "local", "--out", "plan.json", "--html", "plan.html", cwd=folder)
            for columns in (80, 200):
                text = terminal("retrainctl plan --env local", folder, columns, ROWS)
                for theme in COLOURS:
                    file = folder / f"terminal-{columns}-{theme}.html"
                    file.write_text(page(text, theme), encoding="utf-8")
                    shot(file, target / f"{file.stem}.png", 32 + columns * 9, ROWS * 19 + 40)
            picture = folder / "graph.svg"
            picture.write_text(
                run("retrainctl", "graph", "--output", "svg", "--plan", "plan.json", cwd=folder), encoding="utf-8"
            )
            for theme in COLOURS:
                shot(folder / "plan.html", target / f"report-{theme}.png", 1100, 800, dark=theme == "dark")
            shutil.copyfile(picture, target / "graph.svg")
        finally:
            run("retrainctl", "emulator", "down", cwd=folder)
    sys.stdout.writelines(f"{file}\n" for file in sorted(target.iterdir()))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs/site/images")

"""Makes `.ci/venv` with the project and its test tools, and installs what some suites need when it can.

Standard library only: this runs on a fresh machine. Prints loudly what it could not provide; the suites that need it
say so again when they skip.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".ci" / "venv"


def run(*command: str, check: bool = True) -> bool:
    print("+", " ".join(command), flush=True)
    done = subprocess.run(command, cwd=ROOT, check=False)
    if check and done.returncode:
        sys.exit(done.returncode)
    return done.returncode == 0


def system_package(program: str, package: str) -> None:
    """Installs a Debian package where that is possible and the program is missing."""
    if shutil.which(program):
        return
    if shutil.which("apt-get") and os.geteuid() == 0:
        quiet = ["-qq", "-o", "Dpkg::Use-Pty=0"]
        os.environ.setdefault("DEBIAN_FRONTEND", "noninteractive")
        run("apt-get", *quiet, "update", check=False)
        run("apt-get", *quiet, "install", "-y", "--no-install-recommends", package, check=False)
    if not shutil.which(program):
        print(f"WARNING: {program} is missing and cannot be installed: suites that need it will skip", flush=True)


def main() -> None:
    python = VENV / "bin" / "python"
    if not python.exists():
        venv.create(VENV, with_pip=True)
    run(str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-e", f"{ROOT}[emulator,dev,docs]")
    if os.environ.get("CI") or "--system" in sys.argv:
        system_package("npm", "npm")
        system_package("chromium", "chromium")
        system_package("zsh", "zsh")
        system_package("fish", "fish")


if __name__ == "__main__":
    main()

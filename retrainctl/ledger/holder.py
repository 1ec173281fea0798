"""Who holds a lease: this process, and whether another one still lives."""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from retrainctl.ledger.records import Who
from retrainctl.ports import LeaseOwner

_PROC = Path("/proc")
_DEAD_STATES = frozenset("ZXx")


def this_process(who: Who) -> LeaseOwner:
    """This process as the owner of a lease, on behalf of `who`."""
    pid = os.getpid()
    _, start = _state_and_start(pid)
    return LeaseOwner(
        user=who.user, host=who.host, pid=pid, process_start=start, machine=this_machine(), run_url=who.run_url
    )


def this_machine() -> str:
    """Equal for two processes that see each other's numbers: same boot, same process table. Empty when unknown.

    A host name is not enough: containers share one or change it, and a machine may have been restarted since.
    """
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        table = (_PROC / "self/ns/pid").readlink()
    except OSError:
        return ""
    return sha256(f"{boot} {table}".encode()).hexdigest()[:16]


def is_alive(owner: LeaseOwner) -> bool | None:
    """Whether the owner's process lives; None when it cannot be seen from here."""
    if not owner.machine or owner.machine != this_machine():
        return None
    try:
        os.kill(owner.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's process: it exists
    state, start = _state_and_start(owner.pid)
    if state in _DEAD_STATES:
        return False
    return not (start and owner.process_start and start != owner.process_start)


def run_url(environ: Mapping[str, str]) -> str | None:
    """The page of the CI run that we are part of, where the CI system tells it."""
    github = [environ.get(name, "") for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")]
    if all(github):
        return "{}/{}/actions/runs/{}".format(*github)
    azure = [environ.get(name, "") for name in ("SYSTEM_COLLECTIONURI", "SYSTEM_TEAMPROJECT", "BUILD_BUILDID")]
    if all(azure):
        return "{}/{}/_build/results?buildId={}".format(azure[0].rstrip("/"), azure[1].replace(" ", "%20"), azure[2])
    return environ.get("CI_JOB_URL") or environ.get("BUILD_URL") or environ.get("CIRCLE_BUILD_URL")


def _state_and_start(pid: int) -> tuple[str, str]:
    """A process's state letter and start time in ticks since boot, from `/proc/PID/stat`; empty where there is none."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "", ""
    # The second field is the program's name in brackets, which may hold spaces and brackets itself.
    fields = text.rpartition(")")[2].split()
    return fields[0], fields[19]

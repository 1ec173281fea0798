"""Finding, starting and stopping the emulator process. Standard library only: every command may need it.

The emulator is another program: nothing of it is imported here. The two agree on the state folder, where
`emulator.json` says how to reach the process and `emulator.lock` is held for as long as it lives.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import field, replace
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from retrainctl.errors import RetrainctlError
from retrainctl.fastclass import dataclass
from retrainctl.version import __version__

READY_FILE = "emulator.json"
LOCK_FILE = "emulator.lock"
LOG_FILE = "emulator.log"

_START_SECONDS = 30.0
_STOP_SECONDS = 10.0


class EmulatorError(RetrainctlError):
    """The emulator cannot be started, reached, or does not accept what it was told."""

    default_code = "RC802"

    def __init__(
        self, message: str, *, code: str | None = None, hint: str | None = None, diagnostics: Iterable[Any] = ()
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.diagnostics = tuple(diagnostics)
        """Findings of a refused seed: mappings with code, message, hint, path, line, column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorHandle:
    """A running emulator.

    Attributes:
        url: base of every emulated API; loopback.
        token: bearer token that ARM accepts.
        control_token: opens `/_emulator/`.
        version: of the program that runs.
        ca: certificate to trust when `url` is https.
        started: whether this call started it.
    """

    url: str
    token: str = field(repr=False)
    control_token: str = field(repr=False)
    pid: int
    version: str
    state: Path
    ca: Path | None = None
    started: bool = False


def default_state_dir(cwd: Path) -> Path:
    """`.retrainctl/emulator` beside the nearest `retrainctl.yaml`, searching upward; else in `cwd`."""
    for folder in (cwd, *cwd.parents):
        if (folder / "retrainctl.yaml").is_file():
            return folder / ".retrainctl" / "emulator"
    return cwd / ".retrainctl" / "emulator"


def find(state: Path) -> EmulatorHandle | None:
    """The emulator that serves this state folder, if one runs. Costs a small file and one system call.

    It has a lock on the file that it wrote: what a killed one has left counts for nothing, also while a new one starts.
    """
    try:
        with (state / READY_FILE).open("rb") as file:
            content = json.loads(file.read())
            locked = _locked(file)
        handle = EmulatorHandle(
            url=content["url"],
            token=content["token"],
            control_token=content["control"],
            pid=content["pid"],
            version=content["version"],
            state=state,
            ca=Path(content["ca"]) if "ca" in content else None,
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    lives = _answers(state) if locked is None else locked
    return handle if lives else None


def _held(state: Path) -> bool:
    """Whether a process has the lock of the state folder; where locks cannot be asked, whether the port answers."""
    try:
        with (state / LOCK_FILE).open("rb") as lock:
            locked = _locked(lock)
    except OSError:
        return False
    return _answers(state) if locked is None else locked


def _locked(file: IO[bytes]) -> bool | None:
    """Whether a process has the lock of a file; None where locks cannot be asked."""
    try:
        import fcntl
    except ImportError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _answers(state: Path) -> bool:
    import socket

    try:
        address = urlsplit(json.loads((state / READY_FILE).read_bytes())["url"])
        with socket.create_connection(("127.0.0.1", address.port or 0), timeout=0.5):
            return True
    except (OSError, ValueError, KeyError):
        return False


def ensure_running(
    state: Path,
    *,
    seeds: Iterable[Path] = (),
    https: bool = False,
    realistic: bool = False,
    retry_after: int = 0,
    idle_minutes: float | None = None,
) -> EmulatorHandle:
    """The emulator of this state folder, started if need be, with the seeds loaded.

    Args:
        seeds: definition files or seed folders; what is there already stays as it is.
        https: only a start can decide this; a running one that differs is an error.

    Raises:
        EmulatorError: RC801 without the `emulator` extra, RC802 when it does not start, RC803 when it runs without TLS,
            or the code of a refused seed.
    """
    handle = find(state)
    if handle is not None and handle.version != __version__:
        stop(state)  # an older or newer retrainctl left it: the state is kept, the program is not
        handle = None
    fresh = handle is None
    if handle is None:
        handle = _start(state, https=https, realistic=realistic, retry_after=retry_after, idle_minutes=idle_minutes)
    elif https and not handle.url.startswith("https:"):
        raise EmulatorError(
            f"the emulator of {state} runs without TLS",
            code="RC803",
            hint="run `retrainctl emulator down`, then `up --https`",
        )
    elif realistic or retry_after:
        control(handle, "PUT", "faults", {"realistic": realistic, "retry-after": retry_after})
    paths = [str(seed.resolve()) for seed in seeds]
    if paths:
        try:
            control(handle, "POST", "seed", {"paths": paths})
        except EmulatorError:
            if fresh:
                stop(state)
            raise
    return handle


def command(
    state: Path,
    *,
    https: bool = False,
    realistic: bool = False,
    retry_after: int = 0,
    idle_minutes: float | None = None,
) -> list[str]:
    """The command line of the server process.

    Raises:
        EmulatorError: RC801, the `emulator` extra is not installed.
    """
    _require_extra()
    line = [sys.executable, "-P", "-m", "retrainctl.emulator", "serve", "--state", str(state)]
    line += ["--https"] * https + ["--realistic"] * realistic
    line += ["--retry-after", str(retry_after)] if retry_after else []
    line += ["--idle-minutes", str(idle_minutes)] if idle_minutes is not None else []
    return line


def _start(
    state: Path, *, https: bool, realistic: bool, retry_after: int, idle_minutes: float | None
) -> EmulatorHandle:
    arguments = command(state, https=https, realistic=realistic, retry_after=retry_after, idle_minutes=idle_minutes)
    try:
        state.mkdir(parents=True, exist_ok=True)
        with (state / LOG_FILE).open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                close_fds=True,
                start_new_session=True,
            )
    except OSError as error:
        raise EmulatorError(f"the emulator cannot be started in {state}: {error.strerror}") from error
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        handle = find(state)
        if handle is not None:
            _forget(process)
            return replace(handle, started=handle.pid == process.pid)
        if process.poll() not in (None, 0):
            raise EmulatorError(f"the emulator did not start:\n{_log_tail(state)}")
        time.sleep(0.01)
    process.kill()
    process.wait()
    raise EmulatorError(f"the emulator was not ready after {_START_SECONDS:.0f} s", hint=_log_tail(state))


def _forget(process: subprocess.Popen[bytes]) -> None:
    """It outlives us on purpose: no warning about that when this object goes."""
    if process.poll() is None:
        process.returncode = 0


def _require_extra() -> None:
    from importlib.util import find_spec

    for name in ("starlette", "uvicorn"):
        if find_spec(name) is None:
            raise EmulatorError(
                f"the emulator needs the package {name}, which is not installed",
                code="RC801",
                hint="pip install 'retrainctl[emulator]'",
            )


def _log_tail(state: Path) -> str:
    """The last lines of the log, for an error message."""
    try:
        lines = (state / LOG_FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return f"no log in {state}"
    return "\n".join(f"  {line}" for line in lines[-12:]) or "  (its log is empty)"


def stop(state: Path) -> bool:
    """End the emulator of this state folder and wait until it is gone; False when none runs.

    Raises:
        EmulatorError: RC804, it does not end.
    """
    handle = find(state)
    if handle is None:
        return False
    with contextlib.suppress(EmulatorError):
        control(handle, "POST", "shutdown")
    deadline = time.monotonic() + _STOP_SECONDS
    terminated = False
    while _held(state):
        left = deadline - time.monotonic()
        if left < 0:
            raise EmulatorError(
                f"the emulator (process {handle.pid}) does not end", code="RC804", hint="end the process by hand"
            )
        if left < _STOP_SECONDS / 2 and not terminated:
            import signal

            terminated = True
            with contextlib.suppress(OSError):
                os.kill(handle.pid, signal.SIGTERM)
        time.sleep(0.01)
    return True


def control(handle: EmulatorHandle, method: str, path: str, body: Any = None) -> Any:
    """One call of the control API: `status`, `seed`, `reset`, `faults`, `counters`, `writes`, `clock`, `operations`.

    Args:
        path: below `/_emulator/`.
        body: JSON, or None.

    Returns:
        The JSON of the answer.

    Raises:
        EmulatorError: with the code and hint of the refusal, or RC804 when nobody answers.
    """
    address = urlsplit(handle.url)
    if address.scheme == "https":
        context = ssl.create_default_context(cafile=None if handle.ca is None else str(handle.ca))
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            address.hostname or "", address.port, timeout=60, context=context
        )
    else:
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
    headers = {"x-emulator-token": handle.control_token}
    data = None
    if body is not None:
        data = json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    try:
        connection.request(method, f"/_emulator/{path}", body=data, headers=headers)
        response = connection.getresponse()
        status, payload = response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
        raise EmulatorError(
            f"the emulator at {handle.url} does not answer: {error}",
            code="RC804",
            hint=f"its log is {handle.state / LOG_FILE}",
        ) from error
    finally:
        connection.close()
    answer = json.loads(payload) if payload else None
    if status >= 400:
        error_body = (answer or {}).get("error", {})
        raise EmulatorError(
            error_body.get("message") or f"the emulator answered {status}",
            code=error_body.get("code") if str(error_body.get("code", "")).startswith("RC") else "RC804",
            hint=error_body.get("hint"),
            diagnostics=error_body.get("diagnostics") or (),
        )
    return answer

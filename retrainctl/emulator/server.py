"""The process: one per state folder, found by `emulator.json`, gone when nobody needs it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from retrainctl.emulator.app import Application
from retrainctl.emulator.clock import stamp
from retrainctl.emulator.control import Control
from retrainctl.emulator.frame import Frame
from retrainctl.emulator.rooms import all_rooms
from retrainctl.emulator.seed import load_seed
from retrainctl.emulator.store import StateUnusable
from retrainctl.errors import RetrainctlError
from retrainctl.version import __version__

READY_FILE = "emulator.json"
LOCK_FILE = "emulator.lock"
DATABASE = "state.db"


class StartFailed(RetrainctlError):
    """The server could not be started."""

    default_code = "RC802"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What `serve` was asked for. `port` 0 means any free one; `idle_minutes` 0 means never."""

    state: Path
    port: int = 0
    https: bool = False
    seeds: tuple[Path, ...] = ()
    realistic: bool = False
    retry_after: int = 0
    idle_minutes: float = 30.0


def serve(options: Options) -> int:
    """Run until stopped; 0 also when another process already serves this state.

    Raises:
        RetrainctlError: the state, the port or a seed cannot be used.
    """
    try:
        options.state.mkdir(parents=True, exist_ok=True)
        lock = (options.state / LOCK_FILE).open("a+b")
    except OSError as error:
        raise StateUnusable(f"the state folder {options.state} cannot be used: {error.strerror}") from error
    with lock:
        if not _take(lock):
            print(f"an emulator already serves {options.state}", flush=True)  # noqa: T201 - the process's own log
            return 0
        return _Process(options).run()


class _Process:
    def __init__(self, options: Options) -> None:
        self._options = options
        self._ready = options.state / READY_FILE
        self._ready.unlink(missing_ok=True)
        self._connections: dict[tuple[str, int], asyncio.Transport] = {}
        self.frame = Frame(options.state / DATABASE, all_rooms())
        self.frame.knobs.set("realistic", options.realistic)
        self.frame.knobs.set("retry-after", options.retry_after)
        self._app = Application(self.frame, Control(self.frame, self.stop), self._drop)
        self._server: uvicorn.Server | None = None
        self._published = False
        self._announced: IO[bytes] | None = None

    def run(self) -> int:
        try:
            for seed in self._options.seeds:
                load_seed(self.frame, seed)
            with self._listen() as listener:
                self._server = self._build(listener)
                for number in (signal.SIGTERM, signal.SIGINT):
                    signal.signal(number, lambda *_: self.stop())
                asyncio.run(self._main(listener))
        finally:
            self._withdraw()
            self.frame.close()
        return 0

    @contextlib.contextmanager
    def _listen(self) -> Iterator[socket.socket]:
        # The protocol is named because asyncio switches Nagle's algorithm off only then: 44 ms per answer otherwise.
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
            if os.name == "posix":
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", self._options.port))
            except OSError as error:
                raise StartFailed(
                    f"port {self._options.port} cannot be used: {error.strerror}", hint="take another one, or 0 for any"
                ) from error
            yield listener

    def _build(self, listener: socket.socket) -> uvicorn.Server:
        connections = self._connections

        class Protocol(H11Protocol):
            """Keeps the transport of each client address, so that a fault can cut it."""

            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                super().connection_made(transport)
                if self.client is not None:
                    connections[self.client] = transport

            def connection_lost(self, exc: Exception | None) -> None:
                if self.client is not None:
                    connections.pop(self.client, None)
                super().connection_lost(exc)

        tls: dict[str, Any] = {}
        if self._options.https:
            from retrainctl.emulator.certificates import ensure

            certificate = ensure(self._options.state, time.time())
            tls = {"ssl_certfile": str(certificate.chain), "ssl_keyfile": str(certificate.key)}
        config = uvicorn.Config(
            self._app,
            http=Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
            **tls,
        )
        publish = self._publish

        class Server(uvicorn.Server):
            """Says that it is ready, and leaves the signals to us: uvicorn would raise them again at its end."""

            @contextlib.contextmanager
            def capture_signals(self) -> Iterator[None]:
                yield

            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                publish(listener)

        return Server(config)

    async def _main(self, listener: socket.socket) -> None:
        assert self._server is not None
        watcher = asyncio.create_task(self._watch())
        try:
            await self._server.serve(sockets=[listener])
        finally:
            watcher.cancel()

    async def _watch(self) -> None:
        """Stop when nobody has called for long, or when the state folder was taken away or given to another process."""
        limit = self._options.idle_minutes * 60
        while True:
            await asyncio.sleep(1)
            idle = 0.0 if self._app.busy else time.monotonic() - self._app.activity
            if (limit and idle > limit) or (self._published and not self._ready.exists()):
                self.stop()

    def stop(self) -> None:
        if self._server is not None:
            self._server.should_exit = True

    def _drop(self, client: tuple[str, int]) -> None:
        transport = self._connections.get(client)
        if transport is not None:
            transport.abort()

    def _publish(self, listener: socket.socket) -> None:
        """Write `emulator.json`, whole or not at all, readable by its owner only."""
        port = listener.getsockname()[1]
        content: dict[str, Any] = {
            "pid": os.getpid(),
            "url": f"https://localhost:{port}" if self._options.https else f"http://127.0.0.1:{port}",
            "started": stamp(self.frame.clock.now()),
            "version": __version__,
            "token": self.frame.identity.token,
            "control": self.frame.identity.control,
        }
        if self._options.https:
            content["ca"] = str(self._options.state / "ca.pem")
        draft = self._ready.with_suffix(f".{os.getpid()}.tmp")
        # Open until the end: by the lock on it a finder knows that the file is of one that lives.
        self._announced = os.fdopen(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "w+b")
        self._announced.write(json.dumps(content, indent=2).encode())
        self._announced.flush()
        if os.name == "posix":
            _take(self._announced)
        else:  # a locked or open file can be neither read nor renamed there, and finders ask the port
            self._announced.close()
        draft.replace(self._ready)
        self._published = True

    def _withdraw(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            if json.loads(self._ready.read_text(encoding="utf-8"))["pid"] == os.getpid():
                self._ready.unlink()
        if self._announced is not None:
            self._announced.close()


def _take(lock: IO[bytes]) -> bool:
    """The exclusive lock on a file; the system frees it when the process ends, however it ends.

    A finder holds the lock for an instant to see whether anybody has it; hence a few tries.
    """
    for _ in range(20):
        try:
            if os.name == "posix":
                import fcntl

                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            else:
                import msvcrt

                lock.seek(0)
                msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            time.sleep(0.005)
        else:
            return True
    return False

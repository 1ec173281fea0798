"""The processes that run jobs: few, each with one job at a time, started when needed.

A job in a process of its own keeps the server answering, can be cancelled in the middle, and gives its memory back.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
import sys
from asyncio.subprocess import PIPE, Process
from typing import Any, Final

import orjson

_COUNT: Final = max(2, min(4, os.cpu_count() or 2))
_ONE_THREAD: Final = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class WorkerLost(Exception):
    """A worker process ended in the middle of a job, twice: it was killed, or its memory was not enough."""


class Workers:
    """A pool; belongs to one event loop."""

    def __init__(self) -> None:
        self._idle: list[Process] = []
        self._busy: set[Process] = set()
        self._free = asyncio.Semaphore(_COUNT)

    async def run(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do a job (`training.job.perform`) and give its answer. Cancelling ends the process that does it.

        Raises:
            WorkerLost: the job could not be finished.
        """
        async with self._free:
            for _ in range(2):
                process = await self._take()
                try:
                    answer = await _ask(process, request)
                except (asyncio.IncompleteReadError, ConnectionError):
                    # A process that had nothing to do for long may have ended just now.
                    await self._end(process)
                    continue
                except BaseException:
                    await asyncio.shield(self._end(process))
                    raise
                self._busy.discard(process)
                self._idle.append(process)
                return answer
        raise WorkerLost

    async def _take(self) -> Process:
        while self._idle:
            process = self._idle.pop()
            if process.returncode is None:
                self._busy.add(process)
                return process
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "retrainctl.emulator.training.worker",
            stdin=PIPE,
            stdout=PIPE,
            env={**os.environ, **_ONE_THREAD},
        )
        self._busy.add(process)
        return process

    async def _end(self, process: Process) -> None:
        self._busy.discard(process)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    async def close(self) -> None:
        """End all processes."""
        for process in [*self._idle, *self._busy]:
            await self._end(process)
        self._idle.clear()


async def _ask(process: Process, request: dict[str, Any]) -> dict[str, Any]:
    assert process.stdin is not None and process.stdout is not None
    data = orjson.dumps(request)
    process.stdin.write(struct.pack(">I", len(data)) + data)
    await process.stdin.drain()
    (length,) = struct.unpack(">I", await process.stdout.readexactly(4))
    answer: dict[str, Any] = orjson.loads(await process.stdout.readexactly(length))
    return answer

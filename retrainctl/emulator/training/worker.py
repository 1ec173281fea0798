"""`python -m retrainctl.emulator.training.worker`: runs jobs for the emulator, one at a time, in a process of its own.

Requests come on standard input and answers leave on standard output, each as four bytes of length and a JSON document.
The process ends when its input does - also when the emulator was killed - and when it had nothing to do for a while.
"""

from __future__ import annotations

import json
import os
import select
import struct
import sys
import traceback
from typing import BinaryIO

_PATIENCE = 60.0
"""Seconds without work after which the process gives its memory back."""


def main() -> int:
    requests = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not come between the answers
    with answers:
        while (request := _next(requests)) is not None:
            _serve(request, answers)
    return 0


def _next(requests: BinaryIO) -> bytes | None:
    if os.name == "posix" and not select.select([requests], [], [], _PATIENCE)[0]:
        return None
    head = requests.read(4)
    if len(head) < 4:
        return None
    (length,) = struct.unpack(">I", head)
    body = requests.read(length)
    return body if len(body) == length else None


def _serve(request: bytes, answers: BinaryIO) -> None:
    from retrainctl.emulator.training import experiment, job

    try:
        wish = json.loads(request)
        answer = experiment.perform(wish) if "nodes" in wish else job.perform(wish)
    except Exception as error:
        traceback.print_exc()
        answer = {"broken": f"{type(error).__name__}: {error}"}
    data = json.dumps(answer).encode()
    answers.write(struct.pack(">I", len(data)) + data)
    answers.flush()


if __name__ == "__main__":
    sys.exit(main())

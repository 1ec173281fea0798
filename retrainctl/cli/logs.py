"""Log records as messages of the console. Apart, for most commands need no logging and its import is a slow one."""

from __future__ import annotations

import logging
from collections.abc import Callable


def follow(say: Callable[[str], None], *, calls: bool) -> None:
    """Says what retrainctl logs; calls: every call to Azure as well, and details."""
    handler = _Messages(say)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    for name in ("retrainctl", *(("azure",) if calls else ())):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(logging.DEBUG if calls else logging.INFO)
        logger.propagate = False


class _Messages(logging.Handler):
    """Control characters of foreign texts are shown, not sent."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__()
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        from retrainctl.render.escape import visible

        try:
            self._say("\n".join(visible(line) for line in self.format(record).splitlines()))
        except Exception:
            self.handleError(record)

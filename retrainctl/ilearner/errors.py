"""The one error that leaves this room."""

from __future__ import annotations

from typing import ClassVar

from retrainctl.errors import RetrainctlError


class IlearnerError(RetrainctlError):
    """A model file that cannot be read, converted or scored.

    `offset` counts bytes from 0: in the file, or in `part` when that is set (a member or a ZIP entry inside the file).
    """

    default_code: ClassVar[str] = "RC705"

    def __init__(
        self,
        message: str,
        *,
        offset: int | None = None,
        part: str | None = None,
        code: str | None = None,
        hint: str | None = None,
    ) -> None:
        place = ""
        if offset is not None:
            place = f"byte {offset} of {part or 'the file'}: "
        elif part is not None:
            place = f"{part}: "
        super().__init__(place + message, code=code, hint=hint)
        self.offset = offset
        self.part = part

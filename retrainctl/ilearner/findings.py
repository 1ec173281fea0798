"""What is said about a model and the service that is to use it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One misfit. `code` is in the catalogue, `message` one sentence, `columns` what it is about, `hint` what to do."""

    code: str
    message: str
    columns: tuple[str, ...] = ()
    hint: str | None = None

    def to_json(self) -> dict[str, object]:
        """Plain data for JSON."""
        return {"code": self.code, "message": self.message, "columns": list(self.columns), "hint": self.hint}

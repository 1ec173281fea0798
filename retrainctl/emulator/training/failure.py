"""How a module of a graph fails, in the words that the service put into a job's `Details`."""

from __future__ import annotations

import json


class ModuleFailed(Exception):
    """A module refused its input.

    Attributes:
        module: its name, as the definition has it.
        number: Studio's module error number (from memory of its error catalogue; 1000 is a library's own exception).
        kind: the name of the exception that goes with the number.
        message: one plain sentence.
    """

    def __init__(self, module: str, number: str, kind: str, message: str) -> None:
        super().__init__(message)
        self.module = module
        self.number = number
        self.kind = kind
        self.message = message

    @property
    def text(self) -> str:
        """`Error 1000: ...`, as the module wrote it."""
        return f"Error {self.number}: {self.message}"

    def details(self, job: str) -> str:
        """The free text of a failed job (classic-api.md 5.4): a head, a JSON object, and the sentence again."""
        exception = {
            "Exception": {
                "ErrorId": self.kind,
                "ErrorCode": self.number,
                "ExceptionType": "ModuleException",
                "Message": self.text,
            }
        }
        return (
            f"Module: {self.module}; SNR Job Id: {job}; SNR Task Id: {job[:8]}; requestId = {job} "
            f"errorComponent=Module. taskStatusCode=400. {json.dumps(exception, ensure_ascii=False)}"
            f"Error: {self.text} Process exited with error code -2"
        )


def column_not_found(module: str, name: str) -> ModuleFailed:
    return ModuleFailed(module, "0001", "ColumnNotFound", f"Column with name or index {name!r} not found.")


def too_few_rows(module: str, found: int, least: int) -> ModuleFailed:
    return ModuleFailed(
        module,
        "0021",
        "TooFewRows",
        f"Number of rows in input dataset is {found}, less than the allowed minimum of {least} row(s).",
    )


def library_failure(module: str, message: str) -> ModuleFailed:
    return ModuleFailed(module, "1000", "LibraryException", f"library exception: {message}")

"""The troubleshooting catalogue: complete, explained, and recognised in answers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from retrainctl.codes import catalogue
from retrainctl.ports import Rejected, TargetError
from retrainctl.targets.classic.catalogue import TROUBLES, Met, explain, recognise

ANSWERS = [
    ("T1", "patch", 400, None, "This Web Service has no updatable resources. Please add ..."),
    ("T2", "patch", 400, None, "The default endpoint cannot be updated."),
    ("T2", "refresh", 409, None, "The default endpoint cannot be refreshed."),
    ("T5", "read", 401, "ManagementRequestUnauthorized", "Invalid credentials provided."),
    ("T5", "patch", 401, None, ""),
    ("T6", "patch", 400, None, "URL for retraining model invalid"),
    ("T6", "patch", 400, "BlobNotFound", "The blob is missing."),
    ("T8", "patch", 400, None, "Resource 'x' was not found."),
    ("T8", "patch", 400, None, "There is no updatable resource 'x'."),
    ("T9", "patch", 409, "ModelOutputMetadataMismatch", ""),
    ("T9", "patch", 400, "IncompatibleModel", ""),
    ("T10", "patch", 400, "InvalidBlobExtension", ""),
    ("T10", "job", 400, None, "has an invalid or missing file extension. Supported file extensions are: .csv"),
    ("T11", "job", 400, "InvalidInputNames", "Invalid service input name(s) specified in the request"),
    ("T12", "job", 400, "InvalidOutputOverrideName", ""),
    ("T13", "score", 400, "MissingRequiredGlobalParameters", ""),
    ("T13", "job", 400, "UnexpectedParameter", ""),
    ("T14", "job", 400, "BlobNotFound", ""),
    ("T14", "job", 400, "ExpiryTimeInThePast", ""),
    ("T15", "job", 400, "MultipleInputsNotAllowed", ""),
    ("T16", "job", 400, "CannotStartJob", ""),
    ("T18", "job", 400, None, "Error 1000: All rows must have same number of elements"),
    ("T19", "job", 400, None, "Module: Reader; SNR Job Id: 1"),
    ("T20", "score", 503, "RequestThrottled", "maximum concurrency for the endpoint is 4"),
    ("T21", "score", 503, "InitializingContainers", ""),
    ("T21", "score", 504, "BackendInitializationTimeout", ""),
    ("T28", "delete", 400, "UnauthorizedRequest", "Cannot delete default endpoint."),
    ("T29", "create", 400, "EndpointLimitReached", ""),
    ("T29", "create", 400, None, "A web service can have at most 3 endpoints in a Free workspace."),
    ("T30", "score", 413, None, ""),
    ("T34", "patch", 404, "WebServiceNotFound", ""),
    ("T37", "job", 400, None, "The workspace's storage account cannot be reached."),
    ("T38", "promote", 409, None, ""),
]


def test_every_entry_of_the_dossier_is_there_once(shared: Path) -> None:
    text = (shared / "classic-api.md").read_text(encoding="utf-8")
    numbers = re.findall(r"^\| (T\d+) \|", text, re.MULTILINE)
    assert len(numbers) == 39
    assert sorted(numbers) == sorted(trouble.number for trouble in TROUBLES)


def test_every_entry_says_how_it_is_met() -> None:
    known = catalogue()
    for trouble in TROUBLES:
        assert trouble.met, trouble.number
        assert trouble.cause
        assert trouble.fix.endswith(".")
        assert bool(trouble.signs) == (Met.ANSWERED in trouble.met), trouble.number
        if {Met.REFUSED, Met.ANSWERED} & set(trouble.met):
            assert trouble.code in known, trouble.number


def test_every_code_of_this_room_is_explained_and_used(repo: Path) -> None:
    files = [*(repo / "retrainctl/targets/classic").rglob("*.py"), repo / "retrainctl/manifest/kinds/endpoint.py"]
    used = {code for path in files for code in re.findall(r'"(RC\d{3})"', path.read_text(encoding="utf-8"))}
    known = catalogue()
    assert used <= known.keys()
    ours = {code for code in known if "RC360" <= code <= "RC391"}  # the rest of 39x is Azure ML's
    assert ours <= used, f"explained, but nowhere used: {sorted(ours - used)}"


@pytest.mark.parametrize(("number", "call", "status", "code", "message"), ANSWERS)
def test_an_answer_is_recognised(number: str, call: str, status: int, code: str | None, message: str) -> None:
    error = TargetError(f"cannot do it: {message}", status=status, service_code=code)
    found = recognise(error, call)
    assert found is not None
    assert found.number == number


def test_every_answered_entry_has_an_example() -> None:
    answered = {trouble.number for trouble in TROUBLES if Met.ANSWERED in trouble.met}
    assert answered == {number for number, *_ in ANSWERS}


@pytest.mark.parametrize(
    ("call", "status", "code", "message"),
    [("patch", 400, "BadParameterValue", "ThrottleLevel is Low or High."), ("read", 500, "InternalError", "oops"),
     ("create", 409, "Conflict", "exists"), ("score", 404, None, "")],
)  # fmt: skip
def test_what_is_in_no_entry_stays_as_the_service_said_it(call: str, status: int, code: str, message: str) -> None:
    error = Rejected(message, code="RC305", hint="as it was", status=status, service_code=code)
    assert explain(error, call).hint == "as it was"
    assert error.code == "RC305"


def test_no_answer_is_no_entry() -> None:
    assert recognise(TargetError("no connection to the default endpoint"), "patch") is None


def test_an_explanation_has_cause_number_and_fix() -> None:
    error = explain(Rejected("x", status=400, service_code="UnauthorizedRequest"), "delete")
    assert error.code == "RC363"
    assert error.hint == "The default endpoint goes only with its service (T28). Delete the service instead."

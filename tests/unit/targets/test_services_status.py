"""A job's status in every form that was seen (classic-api.md 5.4)."""

from __future__ import annotations

import pytest

from retrainctl.ports import JobState
from retrainctl.targets.services.status import NoStatus, joined, read_failure, read_status

DETAILS = (
    "Module: Import Data; SNR Job Id: 1; SNR Task Id: 2; requestId = 3 errorComponent=Module. taskStatusCode=400. "
    '{"Exception": {"ErrorId": "LibraryException", "ErrorCode": "1000", "ExceptionType": "ModuleException", '
    '"Message": "Error 1000: All rows {must} have \\"same\\" number of elements", "Exception": {"Source": "x"}}}'
    "Error: Error 1000: ... Process exited with error code -2"
)


@pytest.mark.parametrize(
    ("given", "state"),
    [
        *((state.value, state) for state in JobState),
        *((number, state) for number, state in enumerate(JobState)),
        *((str(number), state) for number, state in enumerate(JobState)),
        ("Canceled", JobState.CANCELLED),
        ("CANCELLED", JobState.CANCELLED),
        ("finished", JobState.FINISHED),
        ("not started", JobState.NOT_STARTED),
        ("Queued", JobState.RUNNING),
    ],
)
def test_every_form_of_a_status(given: object, state: JobState) -> None:
    for key in ("StatusCode", "Status Code", "statusCode", "STATUSCODE"):
        assert read_status({key: given, "Results": None, "Details": None}).state is state


@pytest.mark.parametrize("given", [None, "", 5, -1, True, "Dreaming", [], {"a": 1}, "99"])
def test_what_is_no_status_is_not_guessed(given: object) -> None:
    with pytest.raises(NoStatus):
        read_status({"StatusCode": given})
    with pytest.raises(NoStatus):
        read_status({})


def test_results_are_addresses_with_a_signature() -> None:
    base = {
        "RelativeLocation": "/c/m.ilearner",
        "BaseLocation": "http://a.blob.core.windows.net/",
        "SasBlobToken": "?sv=1&sig=x",
    }
    status = read_status(
        {"StatusCode": 4, "Results": {"output1": base, "output2": None, "output3": {"SasBlobToken": ""}}}
    )
    ((port, blob),) = status.results.items()
    assert (port, blob.uri) == ("output1", "https://a.blob.core.windows.net/c/m.ilearner")
    assert blob.sas is not None
    assert blob.sas.reveal() == "sv=1&sig=x"
    assert "sig" not in repr(status)


def test_results_count_only_when_the_job_is_finished() -> None:
    assert read_status({"StatusCode": "Running", "Results": {"o": {}}}).results == {}


def test_the_failure_is_pulled_out_of_the_text() -> None:
    failure = read_failure(DETAILS)
    assert failure.module == "Import Data"
    assert failure.code == "1000"
    assert failure.message == 'Error 1000: All rows {must} have "same" number of elements'


@pytest.mark.parametrize(
    ("details", "message"),
    [
        ("", "the service gives no reason"),
        ("It went wrong.\r\n  Twice.", "It went wrong. Twice."),
        ('set {a, b} then {"Message": "real"}', "real"),
        ('{"Message": "bare"}', "bare"),
        ('{"Exception": {"Message": "  "}} text', '{"Exception": {"Message": " "}} text'),
        ("{ never closed", "{ never closed"),
        ('{"Message": 7}', '{"Message": 7}'),
        ("[1]", "[1]"),
    ],
)
def test_other_texts_are_shown_as_they_are(details: str, message: str) -> None:
    assert read_failure(details).message == message


def test_a_long_text_is_cut() -> None:
    assert len(read_failure("x" * 100_000).message) == 4000
    assert len(read_failure("{" * 20_000).message) == 4000


def test_a_failed_job_without_details_has_a_failure() -> None:
    status = read_status({"StatusCode": "Failed", "Details": None})
    assert status.failure is not None
    assert status.failure.message


@pytest.mark.parametrize(
    ("base", "relative"), [("https://a/", "c/b"), ("https://a", "/c/b"), ("http://a/?x=1", "c/b?y")]
)
def test_locations_are_joined_with_one_slash(base: str, relative: str) -> None:
    assert joined(base, relative) == "https://a/c/b"

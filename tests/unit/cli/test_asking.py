"""Questions before writes, and requests that are shown in place of being sent."""

from __future__ import annotations

import io
import json

import pytest

from retrainctl.cli.asking import agreed, must_agree, show_requests
from retrainctl.cli.console import Console
from retrainctl.errors import RetrainctlError
from retrainctl.model.change import Request
from retrainctl.model.values import SecretRef


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def console(answer: str | None = None) -> Console:
    stdin = io.StringIO() if answer is None else Terminal(answer)
    return Console(stdin=stdin, stdout=io.StringIO(), stderr=Terminal(), environ={"TERM": "dumb"})


def test_yes_asks_nobody() -> None:
    assert agreed(console(), "Remove it?", True) is True


@pytest.mark.parametrize(("answer", "taken"), [("yes\n", True), ("y\n", False), ("", False)])
def test_only_a_full_yes_goes_on(answer: str, taken: bool) -> None:
    one = console(answer)
    assert agreed(one, "Remove it?", False) is taken


def test_where_nobody_can_be_asked_nothing_is_sent() -> None:
    with pytest.raises(RetrainctlError, match="nobody said yes") as caught:
        agreed(console(), "Remove it?", False)
    assert caught.value.code == "RC501"
    assert "--what-if" in (caught.value.hint or "")


def test_a_no_ends_the_command() -> None:
    with pytest.raises(RetrainctlError, match="the answer was no"):
        must_agree(console("no\n"), "Remove it?", False)


def test_requests_show_references_and_no_signatures(capsys: pytest.CaptureFixture[str]) -> None:
    one = console()
    body = {"keys": {"primary": SecretRef("env", "KEY")}}
    show_requests(
        one,
        [
            Request(method="PATCH", path="/subscriptions/s?api-version=1", body=body),
            Request(method="PUT", path="https://acct.blob.core.windows.net/c/b?sv=1&sig=abcdefgh"),
        ],
        base="https://management.azure.com/",
    )
    text = one.stdout._inner.getvalue()  # type: ignore[attr-defined]
    first, second = text.rstrip().split("\n\n")
    assert first.splitlines()[0] == "PATCH https://management.azure.com/subscriptions/s?api-version=1"
    assert json.loads(first.split("\n", 1)[1]) == {"keys": {"primary": {"$secret": {"env": "KEY"}}}}
    assert "abcdefgh" not in second
    assert second.startswith("PUT https://acct.blob.core.windows.net/c/b?")

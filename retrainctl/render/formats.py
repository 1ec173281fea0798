"""The door of this room: a document and the name of a format give the text to write."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from retrainctl.fastclass import dataclass
from retrainctl.model.redaction import Redactor
from retrainctl.render.style import PLAIN, Style

if TYPE_CHECKING:
    from retrainctl.render.budget import Preset
    from retrainctl.render.view import PlanView

PLAN_FORMATS: Final = ("text", "json", "md", "html", "sarif", "junit", "events", "github", "azdo")
RECEIPT_FORMATS: Final = ("text", "json", "md", "junit", "events")
DIAGNOSTIC_FORMATS: Final = ("text", "json", "sarif", "junit", "events", "github", "azdo")


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderOptions:
    """What a format may heed: style, show_ignored, explain, hints and saved_as for text; budget (a preset's name) and
    now for Markdown; folder for SARIF: the project's, from the root of the repository. redactor cleans the document
    first: an escaped secret would pass a filter on the output.
    """

    style: Style = field(default=PLAIN)
    show_ignored: bool = False
    explain: bool = False
    hints: bool = True
    saved_as: str | None = None
    budget: str | None = None
    folder: str = ""
    now: datetime | None = None
    redactor: Redactor | None = None


class PlanReport:
    """A decoded plan document for any number of formats: cleaned once, read once.

    redactor: cleans the document first, for an escaped secret would pass a filter on the output.
    """

    def __init__(self, document: Mapping[str, Any], redactor: Redactor | None = None) -> None:
        self.document = cleaned(document, redactor)

    @cached_property
    def view(self) -> PlanView:
        """The plan as people look at it."""
        from retrainctl.render.read import plan_view

        return plan_view(self.document)

    def render(self, form: str, options: RenderOptions | None = None) -> str:
        """The plan in one of `PLAN_FORMATS`, a final newline included. Raises `KeyError` for another."""
        return _PLAN[form](self, options or RenderOptions())


def render_plan(document: Mapping[str, Any], form: str, options: RenderOptions | None = None) -> str:
    """A decoded plan document in one of `PLAN_FORMATS`, as `PlanReport.render`."""
    return PlanReport(document, options.redactor if options else None).render(form, options)


def render_receipt(document: Mapping[str, Any], form: str, options: RenderOptions | None = None) -> str:
    """A decoded receipt document in one of `RECEIPT_FORMATS`. Raises `KeyError` for another."""
    options = options or RenderOptions()
    return _RECEIPT[form](cleaned(document, options.redactor), options)


def cleaned(document: Mapping[str, Any], redactor: Redactor | None) -> Mapping[str, Any]:
    """The document without secrets. Walking the tree is dear, so its text is asked first whether there is any."""
    if redactor is None:
        return document
    import orjson

    try:
        text = orjson.dumps(document).decode()
    except TypeError:  # lone surrogates and integers beyond 64 bits
        text = json.dumps(document, ensure_ascii=False)
    if redactor.clean(text) == text:
        return document
    cleaned: Mapping[str, Any] = redactor.clean_tree(document)
    return cleaned


_RenderPlan = Callable[[PlanReport, RenderOptions], str]
_RenderReceipt = Callable[[Mapping[str, Any], RenderOptions], str]
# Each format is imported when it is asked for: a plan as text needs neither Jinja2 nor the error catalogue.


def _plan_text(report: PlanReport, options: RenderOptions) -> str:
    from retrainctl.render.plan_text import TextOptions, plan_text

    return plan_text(
        report.view,
        TextOptions(
            style=options.style,
            show_ignored=options.show_ignored,
            explain=options.explain,
            hints=options.hints,
            saved_as=options.saved_as,
        ),
    )


def _plan_markdown(report: PlanReport, options: RenderOptions) -> str:
    from retrainctl.render.plan_markdown import MarkdownOptions, plan_markdown

    return plan_markdown(report.view, MarkdownOptions(preset=_place(options), now=options.now, hints=options.hints))


def _place(options: RenderOptions) -> Preset:
    from retrainctl.render.budget import PRESETS, UNLIMITED

    return PRESETS[options.budget] if options.budget else UNLIMITED


def _plan_html(report: PlanReport, options: RenderOptions) -> str:
    from retrainctl.render.plan_html import plan_html

    return plan_html(report.view)


def _plan_json(report: PlanReport, options: RenderOptions) -> str:
    return _receipt_json(report.document, options)


def _receipt_json(document: Mapping[str, Any], options: RenderOptions) -> str:
    from retrainctl.render.escape import json_text

    return json_text(document) + "\n"


def _plan_sarif(report: PlanReport, options: RenderOptions) -> str:
    from retrainctl.render.sarif import plan_sarif

    return plan_sarif(report.view, options.folder)


def _plan_junit(report: PlanReport, options: RenderOptions) -> str:
    from retrainctl.render.junit import plan_junit

    return plan_junit(report.view)


def _plan_events(report: PlanReport, options: RenderOptions) -> str:
    from retrainctl.render.events import plan_events

    return plan_events(report.view)


def _plan_github(report: PlanReport, options: RenderOptions) -> str:
    from retrainctl.render.annotations import plan_github

    return plan_github(report.view)


def _plan_azdo(report: PlanReport, options: RenderOptions) -> str:
    from retrainctl.render.annotations import plan_azdo

    return plan_azdo(report.view)


def _receipt_text(document: Mapping[str, Any], options: RenderOptions) -> str:
    from retrainctl.render.receipt_text import receipt_text

    return receipt_text(document, options.style, hints=options.hints)


def _receipt_markdown(document: Mapping[str, Any], options: RenderOptions) -> str:
    from retrainctl.render.plan_markdown import MarkdownOptions
    from retrainctl.render.receipt_markdown import receipt_markdown

    return receipt_markdown(document, MarkdownOptions(preset=_place(options), now=options.now))


def _receipt_junit(document: Mapping[str, Any], options: RenderOptions) -> str:
    from retrainctl.render.junit import receipt_junit

    return receipt_junit(document)


def _receipt_events(document: Mapping[str, Any], options: RenderOptions) -> str:
    from retrainctl.render.events import receipt_events

    return receipt_events(document)


_PLAN: Final[Mapping[str, _RenderPlan]] = {
    "text": _plan_text,
    "json": _plan_json,
    "md": _plan_markdown,
    "html": _plan_html,
    "sarif": _plan_sarif,
    "junit": _plan_junit,
    "events": _plan_events,
    "github": _plan_github,
    "azdo": _plan_azdo,
}
_RECEIPT: Final[Mapping[str, _RenderReceipt]] = {
    "text": _receipt_text,
    "json": _receipt_json,
    "md": _receipt_markdown,
    "junit": _receipt_junit,
    "events": _receipt_events,
}

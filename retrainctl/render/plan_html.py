"""The plan as one self-contained page: nothing is loaded from anywhere, and the page forbids itself to try."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from retrainctl.render.style import SYMBOLS
from retrainctl.render.view import PlanView

if TYPE_CHECKING:
    from jinja2 import Template

_TEMPLATES = Path(__file__).parent / "templates"


def plan_html(view: PlanView) -> str:
    """The plan as an HTML page. Scripts and styles run only by their hash (`Content-Security-Policy`), so even
    markup that slipped through an escape could not act.
    """
    style, script = ((_TEMPLATES / name).read_text(encoding="utf-8") for name in ("report.css", "report.js"))
    return _template().render(
        plan=view,
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
        symbols=SYMBOLS,
        reasons=sorted(Counter(entry.reason for entry in view.suppressed).items()),
        actions=[action for action in ("delete", "replace", "update", "create") if view.counts.get(action)],
    )


@lru_cache(maxsize=1)
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("plan.html.j2")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

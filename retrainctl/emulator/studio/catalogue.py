"""Microsoft's own modules, as far as their ids are known.

Family ids: those in the recordings of web services (`aml://module/...`), and the ids of the reference pages at
`msdn.microsoft.com/library/azure/ID/`, which are the same wherever both are known (Score Model, Import Data, Join Data,
Edit Metadata, Execute R Script, Select Columns in Dataset). Batches come from recordings and published experiments;
where none is known it is 1 (guess).
"""

from __future__ import annotations

from typing import Final

GLOBAL_WORKSPACE: Final = "506153734175476c4f62416c57734963"
"""Holds Microsoft's modules and samples (section 1)."""

MICROSOFT: Final[dict[str, tuple[str, str, int]]] = {
    "4e1b0fe6aded4b3fa36f39b8862b9004": ("Import Data", "Data Input and Output", 1744),
    "1ec722fab6234e26a44ea50c6d726223": ("Select Columns in Dataset", "Data Transformation / Manipulation", 1730),
    "370b6676c11c486fbf7335349f842a66": ("Edit Metadata", "Data Transformation / Manipulation", 1742),
    "d2c5ca2f732341a39b7eda917c99f0c4": ("Clean Missing Data", "Data Transformation / Manipulation", 1),
    "124865f7e9014656adacf4cb08248099": ("Join Data", "Data Transformation / Manipulation", 1712),
    "90381e8067c34d9987541db785b7ea37": ("Apply SQL Transformation", "Data Transformation / Manipulation", 1744),
    "70530644c97a4ab685f788bf30a8be5f": ("Split Data", "Data Transformation / Sample and Split", 1),
    "1cdbcda42ece49088b87e6b636258d3d": ("Convert to TSV", "Data Format Conversions", 1644),
    "72bf58e0fc874bb19704f1805003b975": ("Convert to Dataset", "Data Format Conversions", 1642),
    "6bd12c13d9c3452294d34aa44513af57": ("Apply Math Operation", "Statistical Functions", 1675),
    "30806023392b42e094d66b775a6e0fd5": ("Execute R Script", "R Language Modules", 1735),
    "b0fd7660eeed43c5948720d9cc79ed5d": (
        "Two-Class Logistic Regression",
        "Machine Learning / Initialize Model / Classification",
        1,
    ),
    "e3c522f853d948298ea45c6a6b75330c": (
        "Two-Class Boosted Decision Tree",
        "Machine Learning / Initialize Model / Classification",
        1,
    ),
    "31960a6f789b4cf788d62e1152c0bd1a": ("Linear Regression", "Machine Learning / Initialize Model / Regression", 1),
    "0207d2526c414c7784c373bdf1ac5960": (
        "Boosted Decision Tree Regression",
        "Machine Learning / Initialize Model / Regression",
        1,
    ),
    "5cc7053eaa30450d96c0dae4be720977": ("Train Model", "Machine Learning / Train", 1),
    "401b4f92e7244d5abe81d5b0ff9bdb33": ("Score Model", "Machine Learning / Score", 1751),
    "805e592d0f1f48eb97c9688ed0c1dc70": ("Apply Transformation", "Machine Learning / Score", 1742),
    "927d65ac3b504694990320f6c1672089": ("Evaluate Model", "Machine Learning / Evaluate", 1),
}
"""Family id to (name, category, newest known batch)."""


def module_id(family: str) -> str:
    """The full id of one of Microsoft's modules in its newest known batch."""
    return f"{GLOBAL_WORKSPACE}.{family}.v1-default-{MICROSOFT[family][2]}"


def module_name(identifier: str) -> str | None:
    """The name behind a `ModuleId`, whatever its batch; None for one that is not Microsoft's or not known."""
    parts = identifier.split(".")
    known = MICROSOFT.get(parts[1].lower()) if len(parts) > 1 and parts[0].lower() == GLOBAL_WORKSPACE else None
    return None if known is None else known[0]

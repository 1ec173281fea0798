"""Does a model fit the web service that is to use it? Nothing in the service itself checks this."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from retrainctl.ilearner.findings import Finding
from retrainctl.ilearner.model import Label
from retrainctl.ilearner.service import Service, ServiceColumn, read_service
from retrainctl.ilearner.summary import Column, Summary, count, listing


def fit(summary: Summary, definition: Mapping[str, object], *, port: str | None = None) -> tuple[Finding, ...]:
    """Compare a model's columns and label with a definition, its `properties`, or a bare input schema.

    Column types are those at the model's door: an output table that repeats a column tells its type after all modules,
    else the input schema does, through the renaming of Edit Metadata. No finding means that nothing speaks against
    the model.

    Raises:
        IlearnerError: RC723 when the definition has no such input.
    """
    return fit_service(summary, read_service(definition, port=port))


def fit_service(summary: Summary, service: Service) -> tuple[Finding, ...]:
    """As `fit`, for a definition that has been read."""
    offered = {column.name: column for column in service.columns}
    # A module may add columns that the input does not have; the scored table then shows them.
    for name, kind in service.outputs.items():
        offered.setdefault(name, ServiceColumn(name=name, source=name, type=kind))
    pairs = [(column, offered[column.name]) for column in summary.columns if column.name in offered]
    return (*_missing(summary, service, offered), *_types(pairs), *_values(pairs), *_label(summary.label, service))


def _missing(summary: Summary, service: Service, offered: Mapping[str, ServiceColumn]) -> Iterable[Finding]:
    lacking = [column.name for column in summary.columns if column.name not in offered]
    if not lacking:
        return
    verb = "is" if len(lacking) == 1 else "are"
    doubt = "" if service.traced else " (names are those of the input: the service may rename its columns)"
    yield Finding(
        code="RC751",
        message=f"{count(len(lacking), 'column')} of the model {verb} not in the service: {listing(lacking)}{doubt}",
        columns=tuple(lacking),
        hint="The model was trained on other columns; check that this is the right model for this service.",
    )


def _types(pairs: list[tuple[Column, ServiceColumn]]) -> Iterable[Finding]:
    mismatched: dict[tuple[str, str], list[str]] = {}
    for column, service_column in pairs:
        if service_column.type is None or column.type not in ("Numeric", "Categorical"):
            continue
        if column.is_numeric and not service_column.is_numeric:
            mismatched.setdefault(("numeric", service_column.type), []).append(column.name)
        elif not column.is_numeric and service_column.is_numeric:
            mismatched.setdefault(("text categories", service_column.type), []).append(column.name)
    for (kind, service_type), names in mismatched.items():
        columns = count(len(names), "column")
        yield Finding(
            code="RC750",
            message=f"{columns} {kind} in the model, {service_type} in the service: {listing(names)}",
            columns=tuple(names),
            hint="Scoring may fail or go wrong: retrain on data with the service's types, or change the service first.",
        )


def _values(pairs: list[tuple[Column, ServiceColumn]]) -> Iterable[Finding]:
    for column, service_column in pairs:
        if not column.categories:
            continue
        known = set(column.categories)
        unknown = [value for value in service_column.allowed if value not in known]
        if unknown:
            yield Finding(
                code="RC752",
                message=f"{count(len(unknown), 'value')} that the service allows in {listing([column.name])} "
                f"{'was' if len(unknown) == 1 else 'were'} never seen in training",
                columns=(column.name,),
                hint="Such rows are scored as if the value were not known.",
            )


def _label(label: Label | None, service: Service) -> Iterable[Finding]:
    expected = service.label_type
    if label is None or expected is None:
        return
    is_text = label.value_type == "String"
    if is_text == (expected == "String"):
        return
    yield Finding(
        code="RC753",
        message=f"the label is {label.value_type} in the model, Scored Labels is {expected} in the service",
        columns=(label.name,) if label.name else (),
        hint="Callers may get labels of another type: retrain with a label of the service's type.",
    )

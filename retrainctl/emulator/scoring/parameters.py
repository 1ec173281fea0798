"""Web service parameters of a request."""

from __future__ import annotations

from typing import Any, Final

from retrainctl.emulator.scoring.dialect import bad_argument
from retrainctl.emulator.training.graph import Graph, Parameter

_NUMBERS: Final = {"int": int, "integer": int, "float": float, "double": float}


def bind(graph: Graph, given: Any) -> Graph:
    """The graph with the parameters of a request put in.

    Raises:
        Refusal: `MissingRequiredGlobalParameters`, `UnexpectedParameter` or `UserParameterInvalid`; names are
            case-sensitive.
    """
    values = check(graph, given)
    return graph.bound(values)


def check(graph: Graph, given: Any) -> dict[str, Any]:
    """The parameters of a request, found good."""
    values = {} if given is None else given
    if not isinstance(values, dict):
        raise bad_argument("RequestBodyInvalid", "GlobalParameters must be an object.")
    if unknown := [name for name in values if name not in graph.parameters]:
        raise bad_argument("UnexpectedParameter", f"Unexpected parameter: {', '.join(unknown)}.")
    lacking = [
        name for name, known in graph.parameters.items() if known.default is None and values.get(name) in (None, "")
    ]
    if lacking:
        raise bad_argument(
            "MissingRequiredGlobalParameters", f"Missing required global parameters: {', '.join(lacking)}."
        )
    for name, value in values.items():
        _check_value(graph.parameters[name], value)
    return values


def _check_value(parameter: Parameter, value: Any) -> None:
    if isinstance(value, (dict, list)):
        raise bad_argument("UserParameterInvalid", f"The parameter {parameter.name} must be a single value.")
    number = _NUMBERS.get(parameter.kind.lower())
    if number is not None and value not in (None, ""):
        try:
            number(str(value))
        except ValueError:
            raise bad_argument(
                "UserParameterInvalid", f"The parameter {parameter.name} must be of type {parameter.kind}."
            ) from None

"""Resource ids of Azure Resource Manager."""

from __future__ import annotations

import pytest

from retrainctl.errors import InvalidInput
from retrainctl.targets.arm import ids

ID = "/subscriptions/d128f140/resourceGroups/My RG/providers/Microsoft.MachineLearning/webServices/a (1)"


def test_an_id_is_parsed_and_composed():
    parsed = ids.parse(ID)

    assert (parsed.subscription, parsed.resource_group, parsed.type, parsed.name) == (
        "d128f140",
        "My RG",
        "webServices",
        "a (1)",
    )
    assert str(parsed) == ID == ids.web_service("d128f140", "My RG", "a (1)")
    assert parsed.path.endswith("/resourceGroups/My%20RG/providers/Microsoft.MachineLearning/webServices/a%20%281%29")
    assert ids.commitment_plan("s", "g", "p").endswith("/commitmentPlans/p")


def test_ids_compare_without_case():
    other = "/SUBSCRIPTIONS/d128f140/resourcegroups/my rg/providers/microsoft.machinelearning/webservices/A (1)"

    assert ids.same(ID, other)
    assert ids.parse(other).name == "A (1)"
    assert not ids.same(ID, ID + "x")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        ID + "/more",
        ID.replace("/a (1)", ""),
        "x" + ID,
        ID.replace("Microsoft.MachineLearning", "Microsoft.Compute"),
        ID.replace("My RG", ""),
        ID + "\n/x",
    ],
)
def test_anything_else_is_refused_with_the_sentence_of_the_cmdlets(text):
    with pytest.raises(InvalidInput) as caught:
        ids.parse(text)

    (finding,) = caught.value.diagnostics
    assert finding.message == (
        "The passed in machine learning web service object does not have a valid ARM resource id."
    )
    assert finding.code == "RC227"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Retrain-Samp.le_(1)", None),
        ("a" * 260, None),
        ("", "empty"),
        ("a" * 261, "261 characters"),
        ("a/b?c", "/ ?"),
        ("ends ", "blank"),
    ],
)
def test_names_that_azure_refuses_are_known(name, says):
    problem = ids.name_problem(name)

    assert problem is None if says is None else says in str(problem)

"""Places in JSON text."""

from __future__ import annotations

import pytest

from retrainctl.definition.position import locate

TEXT = """{
  "a": {"b, }": "x", "LIST": [1, {"c": "\\"]"}, [] ,
     true]},
  "a2": 1, "dup": 1,
  "dup": 2
}"""


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ((), "f:1:1"),
        (("a",), "f:2:8"),
        (("a", "b, }"), "f:2:17"),
        (("a", "list", "1", "c"), "f:2:40"),
        (("a", "list", "3"), "f:3:6"),
        (("a", "list", "4"), "f:2:30"),
        (("a", "list", "x"), "f:2:30"),
        (("a", "list", "2", "0"), "f:2:48"),
        (("dup",), "f:5:10"),
        (("a2", "deeper"), "f:4:9"),
        (("none",), "f:1:1"),
    ],
)
def test_a_member_is_found_or_its_closest_parent(path, place):
    assert str(locate(TEXT, path, "f")) == place

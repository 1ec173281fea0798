"""Late patterns are compiled when they are used, and then they work as ever; PyYAML's are such ones."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from typing import Any

import pytest

from retrainctl.patterns import compiled_late, late
from tests.support.command import environment

LATE = """
import re
from retrainctl.manifest import yamlfile
import yaml
assert type(yaml.reader.Reader.NON_PRINTABLE) is not re.Pattern
assert type(re.compile("x")) is re.Pattern
text = "a: 2024-01-02\\nb: [1, 0x10, on, 1.5, ~]\\n"
values = yaml.load(text, Loader=yaml.SafeLoader)  # in Python, as where there is no libyaml
assert values == yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)), values
assert values["a"].year == 2024 and values["b"] == [1, 16, True, 1.5, None], values
try:
    yaml.load("a: \\x07", Loader=yaml.SafeLoader)
except yaml.reader.ReaderError:
    print("refused")
"""


def test_the_readers_in_python_still_read() -> None:
    ran = subprocess.run([sys.executable, "-c", LATE], env=environment(), capture_output=True, text=True)
    assert (ran.stdout, ran.returncode) == ("refused\n", 0), ran.stderr


def test_only_the_named_package_gets_late_patterns() -> None:
    true = re.compile
    theirs = {"__name__": "library.inner", "re": re}
    with compiled_late("library"):
        assert isinstance(re.compile("[0-9]+"), re.Pattern)
        exec("late = re.compile('[A-Z]+', re.IGNORECASE)", theirs)
    assert re.compile is true
    given: Any = theirs["late"]
    assert not isinstance(given, re.Pattern)
    assert given.fullmatch("abc")
    assert not given.fullmatch("1")


def test_a_late_pattern_does_what_a_pattern_does() -> None:
    pattern = late(r"(?P<word>[a-z]+)-", re.IGNORECASE)
    assert pattern.sub("", "Ab-cd-1") == "1"
    assert [found["word"] for found in pattern.finditer("Ab-cd-1")] == ["Ab", "cd"]
    assert pattern.flags & re.IGNORECASE
    assert copy.deepcopy(pattern).match("x-")
    assert late(rb"[0-9]+").fullmatch(b"12")
    with pytest.raises(AttributeError, match="colour"):
        _ = pattern.colour  # type: ignore[attr-defined]
    with pytest.raises(re.error):
        late("(").search("")

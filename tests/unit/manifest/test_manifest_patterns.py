"""PyYAML's patterns are compiled when they are used, and then they work as ever."""

from __future__ import annotations

import copy
import re
import subprocess
import sys

from retrainctl.manifest.patterns import compiled_when_used
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
    with compiled_when_used("library"):
        assert isinstance(re.compile("[0-9]+"), re.Pattern)
        exec("late = re.compile('[A-Z]+', re.IGNORECASE)", theirs)
        exec("raw = re.compile(b'[0-9]+')", theirs)
    assert re.compile is true
    late = theirs["late"]
    assert not isinstance(late, re.Pattern)
    assert isinstance(theirs["raw"], re.Pattern)
    assert late.fullmatch("abc")
    assert not late.fullmatch("1")
    assert late.flags & re.IGNORECASE
    assert copy.copy(late).fullmatch("abc")

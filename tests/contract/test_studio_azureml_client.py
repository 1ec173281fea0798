"""Microsoft's Python package for Studio (`azureml` 0.2.7), unmodified, against the emulator."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from tests.support.emulator_process import Emulator, running
from tests.support.studio_assets import WORKSPACE

pytestmark = pytest.mark.skipif(
    find_spec("azureml") is None or find_spec("azureml.http") is None,
    reason="the package azureml 0.2.7 is not installed; it needs pandas",
)

# In a process of its own: the package is older than many warnings that would be errors here.
SCRIPT = """
import json, os
from azureml import AzureMLConflictHttpError, Workspace

workspace = Workspace(os.environ["WORKSPACE"], os.environ["EMULATOR_TOKEN"], os.environ["EMULATOR_URL"] + "/")
datasets = workspace.datasets
added = datasets.add_from_raw_data(b"a,b\\n1,x\\n", "GenericCSV", "rides", "of 2016")
told = {"first": [added.name, added.owner, added.description, added.read_as_text(), added.is_example]}
added.update_from_raw_data(b"a,b\\n2,y\\n")
told["second"] = [added.read_as_text(), added.is_latest, len(datasets)]
large = b"a,b\\n" + b"1,2\\n" * 1_200_000  # three of the client's blocks
told["large"] = datasets.add_from_raw_data(large, "GenericCSV", "large", "blocks").read_as_binary() == large
try:
    datasets.add_from_raw_data(b"a\\n1\\n", "GenericCSV", "rides", "again")
    told["again"] = None
except AzureMLConflictHttpError as error:
    told["again"] = error.status_code
told["names"] = sorted(one.name for one in workspace.user_datasets)
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with running(tmp_path_factory.mktemp("azureml") / "state") as one:
        yield one


def test_it_uploads_in_blocks_replaces_downloads_and_meets_conflicts(emulator: Emulator) -> None:
    known = {"WORKSPACE": WORKSPACE, "EMULATOR_TOKEN": emulator.ready["token"], "EMULATOR_URL": emulator.url}
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT]
    done = subprocess.run(command, env={**os.environ, **known}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "first": ["rides", "Python SDK", "of 2016", "a,b\n1,x\n", False],
        "second": ["a,b\n2,y\n", True, 1],
        "large": True,
        "again": 409,
        "names": ["large", "rides"],
    }

"""Experiments by Microsoft's Python package for Studio (`azureml` 0.2.7), unmodified, against the emulator."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.emulator_process import running
from tests.support.studio_service import WORKSPACE, identifier_of, node, read, seed_training

pytestmark = pytest.mark.skipif(
    find_spec("azureml") is None or find_spec("azureml.http") is None,
    reason="the package azureml 0.2.7 is not installed; it needs pandas",
)

# In a process of its own: the package is older than many warnings that would be errors here.
SCRIPT = """
import json, os
from azureml import DataTypeIds, Workspace

workspace = Workspace(os.environ["WORKSPACE"], os.environ["EMULATOR_TOKEN"], os.environ["EMULATOR_URL"] + "/")
(experiment,) = workspace.user_experiments
status = experiment.status
told = {"experiment": [experiment.description, experiment.creator, status.status_code, experiment.is_example]}
told["created"] = status.creation_time.year
scores = experiment.get_intermediate_dataset(os.environ["NODE"], "Scored dataset", DataTypeIds.GenericCSV)
frame = scores.to_dataframe()
told["scores"] = [len(frame) > 0, list(frame.columns)[-1], bool((frame["Scored Labels"] > 0).all())]
print(json.dumps(told))
"""


def test_it_lists_experiments_and_reads_what_a_node_put_out(tmp_path: Path, repo: Path) -> None:
    with running(tmp_path / "state") as emulator:
        emulator.control("PUT", "clock", {"now": "2026-11-21T08:00:00Z"})
        seed_training(emulator, tmp_path / "seed", repo)
        score = node(read(emulator, identifier_of(emulator, "Training")), "score")["Id"]
        known = {
            "WORKSPACE": WORKSPACE,
            "EMULATOR_TOKEN": emulator.ready["token"],
            "EMULATOR_URL": emulator.url,
            "NODE": score,
        }
        command = [sys.executable, "-W", "ignore", "-c", SCRIPT]
        done = subprocess.run(command, env={**os.environ, **known}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "experiment": ["Training", "owner", "Finished", False],
        "created": 2026,
        "scores": [True, "Scored Labels", True],
    }

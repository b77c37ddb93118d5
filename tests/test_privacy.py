"""Nothing is told to anybody about what runs here."""

import os
import subprocess
import sys
from pathlib import Path

# where nobody watches: onnxruntime itself is silent in CI and in its own tests
SILENT = {"CI", "GITHUB_ACTIONS", "TF_BUILD", "ORT_RUNNING_UNIT_TESTS", "ORT_DISABLE_TELEMETRY"}
LOAD = "from pipeline.stages.isolate_speakers import speech; speech.load_network()"


def test_onnxruntime_keeps_no_identity_and_no_record_of_what_it_ran(tmp_path: Path) -> None:
    """What it would send is first written below the home, beside a number for this machine."""
    kept = {name: value for name, value in os.environ.items() if name not in SILENT}
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}

    subprocess.run([sys.executable, "-c", LOAD], env=kept | home, check=True)

    assert [path.name for path in tmp_path.rglob("*") if "onnxruntime" in path.name] == []

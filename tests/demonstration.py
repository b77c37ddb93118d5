"""Shows the checkpoint at work on a small, cheap job: `python tests/test_checkpoint.py`."""

import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent


def main() -> None:
    """Run the five scenes; raise AssertionError where one does not go as promised."""
    with tempfile.TemporaryDirectory() as folder:
        inputs, out = Path(folder) / "audio", Path(folder) / "my-voice"
        inputs.mkdir()
        for name in ("audio1", "audio2", "audio3"):
            (inputs / f"{name}.wav").write_text(name)
        create(inputs, out)
        resume(inputs, out)
        force_restart(out)
        protect(inputs, out)
        validate(out)
    print("\nAll five went as promised.")


def create(inputs: Path, out: Path) -> None:
    scene("1. A checkpoint is created")
    assert run(inputs, "--output", out, "--keep-temp") == 0
    state = yaml.safe_load((out / "pipeline_state.yaml").read_text(encoding="utf-8"))
    print("   pipeline_state.yaml says:", state["completed_stages"], state["shouted_files"])
    assert len(state["shouted_files"]) == 3


def resume(inputs: Path, out: Path) -> None:
    scene("2. A run is killed with kill -9 in the middle, and resumed")
    (inputs / "audio4.wav").write_text("wait")
    process = subprocess.Popen(command(inputs, "--resume", "--output", out), **options())
    for line in process.stdout or ():
        print("  ", line.rstrip())
        if "Taking: audio4.wav" in line:
            process.kill()
            print("   kill -9")
    process.wait()
    (inputs / "audio4.wav").write_text("audio4")
    assert run(inputs, "--resume", "--output", out, "--keep-temp") == 0


def force_restart(out: Path) -> None:
    scene("3. Force restart: inputs and settings are remembered, results are not")
    assert run("--force-restart", "--output", out, "--keep-temp", "--seed", 7) == 0


def protect(inputs: Path, out: Path) -> None:
    scene("4. A second run on the same output is refused")
    (inputs / "audio5.wav").write_text("wait")
    first = subprocess.Popen(command(inputs, "--resume", "--output", out), **options())
    for line in first.stdout or ():
        if "Taking: audio5.wav" in line:
            break
    assert run(inputs, "--resume", "--output", out) == 4
    first.terminate()
    first.communicate()
    (inputs / "audio5.wav").write_text("audio5")


def validate(out: Path) -> None:
    scene("5. What is missing or empty is found and made again")
    missing, empty = sorted(out.glob("work/take/audio*/taken.txt"))[:2]
    missing.unlink()
    empty.write_text("")
    assert run("--resume", "--output", out, "--keep-temp") == 0


def scene(title: str) -> None:
    print(f"\n=== {title}", flush=True)


def run(*words: object) -> int:
    """Run the cheap job, show what it says, return its exit code."""
    done = subprocess.run(command(*words), **options(), check=False)
    print("   " + done.stdout.strip().replace("\n", "\n   "))
    print(f"   exit code {done.returncode}")
    return done.returncode


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "tests.cheap", *map(str, words)]


def options() -> dict:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL}
    return {**pipes, "cwd": ROOT, "text": True}

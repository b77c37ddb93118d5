"""The image, for real: the same bytes, one lock, kills, stops, any uid, a read-only root.

Run by `make test-container`, which finds or makes an engine and builds the image that RUNTIME,
IMAGE and TAG name. Real weights and recordings; nothing is faked.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.container

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "data" / "sample"
LETTER = SAMPLE / "letter.wav"
ENGINE = os.environ.get("RUNTIME", "")
IMAGE = f"{os.environ.get('IMAGE')}:{os.environ.get('TAG')}"
MODELS = Path(os.environ.get("KOKORO_MODELS", Path.home() / ".cache" / "kokoro-pipeline"))
MODEL = "tiny.en"
LOCK_FILE = ".pipeline_running"
STOP_S = 10  # what docker stop waits before it kills
RUN_S = 300  # nothing here takes longer, on two busy cores
# What is not of the dataset: settings with library versions, times
OF_THE_RUN = {"pipeline_state.yaml", "pipeline_config.yaml", "pipeline.log", LOCK_FILE}


@dataclass(frozen=True)
class Ended:
    """A command that ended."""

    code: int
    said: str


def start(*words: object, **variables: object) -> subprocess.Popen[str]:
    """Start a command, in a group of its own so that only it gets our signals."""
    environment = os.environ | {name: str(value) for name, value in variables.items()}
    return subprocess.Popen(
        [str(word) for word in words],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def end(process: subprocess.Popen[str], within_s: float = RUN_S) -> Ended:
    """Wait for a command; kill it and fail if it takes longer."""
    try:
        said = process.communicate(timeout=within_s)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return Ended(process.returncode, said)


def wait_until(
    condition: Callable[[], object], process: subprocess.Popen[str] | None = None
) -> None:
    """Wait; fail if it takes too long, or if the process ends before."""
    until = time.monotonic() + RUN_S
    while not condition():
        assert process is None or process.poll() is None, end(process).said
        assert time.monotonic() < until
        time.sleep(0.05)


def launch(action: str, **variables: object) -> subprocess.Popen[str]:
    return start(ROOT / "ci" / "launch", action, WHISPER_MODEL=MODEL, **variables)


def start_outside(source: Path, out: Path, *words: str) -> subprocess.Popen[str]:
    command = (sys.executable, "-m", "pipeline", source, "--output", out, "--whisper-model", MODEL)
    return start(*command, *words)


def engine(*words: object) -> str:
    """Return what the engine prints; raise if it fails."""
    done = subprocess.run(
        [ENGINE, *map(str, words)], capture_output=True, text=True, check=True, timeout=RUN_S
    )
    return done.stdout.strip()


def mount(path: Path, target: Path | str = "", *, readonly: bool = False) -> str:
    return f"--mount=type=bind,source={path},target={target or path}" + ",readonly" * readonly


def container_on(out: Path) -> str:
    """Return the name of the container that works on `out`; "" if there is none."""
    return engine("ps", "--filter", f"label=kokoro.output={out}", "--format", "{{.Names}}")


def is_locked(out: Path) -> bool:
    lock = out / LOCK_FILE
    return lock.exists() and "command:" in lock.read_text(encoding="utf-8")


def has_begun(out: Path, words: str) -> bool:
    log = out / "pipeline.log"
    return log.exists() and words in log.read_text(encoding="utf-8")


def dataset(out: Path) -> dict[str, bytes]:
    """Return every byte of the dataset."""
    files = (path for path in out.rglob("*") if path.is_file())
    named = {str(path.relative_to(out)): path for path in files}
    return {
        name: path.read_bytes()
        for name, path in named.items()
        if name not in OF_THE_RUN and not name.startswith("work/")
    }


def is_resumable(out: Path) -> bool:
    """Return whether the state is whole YAML and no lock was left."""
    state = yaml.safe_load((out / "pipeline_state.yaml").read_text(encoding="utf-8"))
    return state["version"] >= 1 and not (out / LOCK_FILE).exists()


@dataclass(frozen=True)
class Run:
    """A run on the sample, and who was refused while it went on."""

    out: Path
    first: Ended
    refused: dict[str, Ended]
    name: str = ""
    resumed: Ended | None = None


@pytest.fixture(scope="module")
def recordings(tmp_path_factory) -> Path:
    """Half of the sample: music, noise, a video; long enough for two more to start meanwhile."""
    folder = tmp_path_factory.mktemp("recordings")
    for name in ("letter.wav", "radio.mp3", "market.ogg", "lecture.mp4"):
        shutil.copy(SAMPLE / name, folder)
    return folder


@pytest.fixture(scope="module")
def outside(tmp_path_factory, recordings) -> Run:
    """A run without a container; one wanted in while it went on."""
    out = tmp_path_factory.mktemp("outside") / "my voice"
    process = start_outside(recordings, out)
    wait_until(lambda: is_locked(out), process)
    refused = {"container": end(launch("resume", INPUT=recordings, OUT=out))}
    return Run(out, end(process), refused)


@pytest.fixture(scope="module")
def inside(tmp_path_factory, recordings) -> Run:
    """The same in a container that is killed while it transcribes, and resumed in another."""
    out = tmp_path_factory.mktemp("inside") / "my voice"
    process = launch("run", INPUT=recordings, OUT=out)
    wait_until(lambda: has_begun(out, "Transcribing"), process)
    name = container_on(out)
    second, host = launch("resume", OUT=out), start_outside(recordings, out, "--resume")
    refused = {"container": end(second), "host": end(host)}
    engine("kill", "--signal", "KILL", name)
    return Run(out, end(process), refused, name, end(launch("resume", OUT=out)))


def test_the_dataset_is_that_of_a_run_outside(outside, inside):
    """Byte for byte, though the container was killed in between, and resumed without INPUT."""
    assert outside.first.code == 0, outside.first.said
    assert inside.resumed.code == 0, inside.resumed.said
    assert dataset(inside.out) == dataset(outside.out)
    assert len(list((outside.out / "wavs").iterdir())) > 5


def test_a_killed_container_is_taken_over(inside):
    """kill -9 leaves the lock file; the next run says whose it was and goes on."""
    assert inside.first.code == 137
    assert "Found stale lock file" in inside.resumed.said
    assert "Resuming from: transcribe_audio" in inside.resumed.said


@pytest.mark.parametrize("who", ["container", "host"])
def test_a_second_run_is_refused_and_told_the_containers_name(inside, who):
    """One run in an output folder, whether the second one is in a container or not."""
    assert inside.refused[who].code == 4
    assert f"container {inside.name}" in inside.refused[who].said


def test_a_container_is_refused_while_a_run_outside_goes_on(outside):
    """The other way round; the run outside is not disturbed."""
    assert outside.refused["container"].code == 4
    assert "Pipeline already running" in outside.refused["container"].said


def test_status_is_the_pipelines_also_from_a_container(inside):
    """Of what a container made, asked in one and outside."""
    asked = [
        end(launch("status", OUT=inside.out, RUNTIME=runtime)) for runtime in (ENGINE, "local")
    ]

    assert [ended.code for ended in asked] == [0, 0], asked
    assert all(f"{inside.out}: complete" in ended.said for ended in asked)


def stop_launcher(process: subprocess.Popen[str], out: Path) -> None:  # noqa: ARG001
    process.terminate()


def stop_container(process: subprocess.Popen[str], out: Path) -> None:  # noqa: ARG001
    engine("stop", "--time", STOP_S, container_on(out))


def stop_orphan(process: subprocess.Popen[str], out: Path) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    name = container_on(out)
    assert end(launch("stop", OUT=out)).code == 0
    wait_until(lambda: container_on(out) == "")
    assert name


@pytest.mark.parametrize(
    ("stop", "code"), [(stop_launcher, 143), (stop_container, 143), (stop_orphan, -9)]
)
def test_a_stop_ends_the_run_in_time_with_a_checkpoint(tmp_path, stop, code):
    """By SIGTERM to the launcher, by the engine, by make stop where the client was killed."""
    out = tmp_path / "my voice"
    process = launch("run", INPUT=LETTER, OUT=out)
    wait_until(lambda: has_begun(out, "Transcribing"), process)

    stop(process, out)
    assert end(process, STOP_S).code == code
    assert is_resumable(out)
    assert end(start_outside(LETTER, out, "--resume")).code == 0


@pytest.mark.parametrize("flags", [("--entrypoint=python",), ("--init", "--entrypoint=python")])
def test_started_by_hand_it_is_known_by_its_id_and_stops(tmp_path, flags):
    """With python as PID 1, or behind the engine's init: 143; a deaf PID 1 would give 137."""
    out = tmp_path / "voice"
    out.mkdir()
    name = f"kokoro-pid1-{os.getpid()}-{len(flags)}"
    where = (mount(SAMPLE, readonly=True), mount(out), mount(MODELS, "/models"), "--user=0:0")
    command = (IMAGE, "-P", "-m", "pipeline", LETTER, "--output", out)
    process = start(ENGINE, "run", "--rm", f"--name={name}", *flags, *where, *command)
    wait_until(lambda: has_begun(out, "Transcribing"), process)
    owner = yaml.safe_load((out / LOCK_FILE).read_text(encoding="utf-8"))

    assert owner["container"] == engine("inspect", "--format", "{{.Id}}", name)[:12]
    engine("stop", "--time", STOP_S, name)
    assert end(process, STOP_S).code == 143
    assert is_resumable(out)


def test_any_uid_runs_it_on_a_read_only_root_without_a_network(tmp_path):
    """A list file beside its recordings, one of them broken: exit 3; all files are the user's."""
    uid = 12345 if os.getuid() == 0 else os.getuid()
    audio, out = tmp_path / "my audio", tmp_path / "my voice"
    audio.mkdir()
    out.mkdir()
    os.chown(out, uid, uid)
    (audio / "letter.wav").write_bytes(LETTER.read_bytes())
    (audio / "broken.mp3").write_bytes(b"not a recording")
    (audio / "all.txt").write_text("letter.wav\nbroken.mp3\n", encoding="utf-8")

    flags = ("--rm", f"--user={uid}:{uid}", "--read-only", "--tmpfs=/tmp:exec", "--network=none")
    where = (mount(audio, readonly=True), mount(out), mount(MODELS, "/models", readonly=True))
    words = (IMAGE, audio / "all.txt", "--output", out, "--whisper-model", MODEL)
    ended = end(start(ENGINE, "run", *flags, *where, *words))
    assert ended.code == 3, ended.said
    assert len(list((out / "wavs").iterdir())) == 2
    assert {path.stat().st_uid for path in out.rglob("*")} == {uid}


def test_a_list_file_is_enough_for_the_launcher(tmp_path):
    """What a list names is mounted with it; an exit code of 2 comes through where it is wrong."""
    lists = tmp_path / "my lists"
    lists.mkdir()
    (lists / "night.list").write_text(f"# tonight\n{LETTER}\n", encoding="utf-8")
    (lists / "wrong.list").write_text(f"{LETTER}\nnot there.wav\n", encoding="utf-8")

    right = end(launch("run", INPUT=lists / "night.list", OUT=tmp_path / "right"))
    wrong = end(launch("run", INPUT=lists / "wrong.list", OUT=tmp_path / "wrong"))
    assert (right.code, wrong.code) == (0, 2), right.said + wrong.said
    assert "not there.wav" in wrong.said


def test_the_image_has_the_versions_of_the_venv():
    """Built apart, by other files, on another Python perhaps: the same releases all the same."""
    listed = engine(
        "run", "--rm", "--entrypoint=python", IMAGE, "-m", "pip", "list", "--format=json"
    )
    image = {each["name"]: each["version"] for each in json.loads(listed)}
    image.pop("pip")

    assert len(image) > 100
    assert {name: metadata.version(name) for name in image} == image

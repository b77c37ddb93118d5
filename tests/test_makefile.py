"""make and ci/launch: the right command, the right runtime, the pipeline's own exit code."""

import os
import re
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

from pipeline.environment import INTERVAL, LOCK_TIMEOUT
from pipeline.executors.hardware import THREADS
from pipeline.models.bfloat16 import LIMIT

ROOT = Path(__file__).parents[1]
ECHO = """#!/bin/sh
for word in "$@"; do printf '%s\\n' "$word"; done >> "$CALLS"
"""


def run(command, cwd, **variables):
    """Run a command with a bare environment and the given variables; return what came out."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(cwd), **variables}
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=30, check=False
    )


def script(path, text):
    """Write an executable script, and its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


TARGETS = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)[1]


@pytest.fixture
def checkout(tmp_path):
    """A copy of Makefile and ci/launch where setup does nothing and python is a fake."""
    root = tmp_path / "a checkout"
    for name in ("launch", "container.sh"):
        script(root / "ci" / name, (ROOT / "ci" / name).read_text(encoding="utf-8"))
    script(root / "ci" / "setup", "#!/bin/sh\n")
    (root / "Makefile").write_bytes((ROOT / "Makefile").read_bytes())
    script(root / "pipeline" / "__init__.py", '__version__ = "9.8.7"\n')
    script(root / ".venv" / "bin" / "python", ECHO + 'exit "${FAKE_CODE:-0}"\n')
    return root


@pytest.fixture
def engine(tmp_path):
    """A fake docker that answers and runs nothing; its folder, for PATH."""
    script(tmp_path / "bin" / "docker", ECHO + 'exit "${FAKE_CODE:-0}"\n')
    script(tmp_path / "bin" / "podman", "#!/bin/sh\nexit 1\n")
    return tmp_path / "bin"


@pytest.fixture
def dead_engines(tmp_path):
    """docker and podman are there, but no daemon answers them; their folder, for PATH."""
    script(tmp_path / "dead" / "docker", "#!/bin/sh\necho no daemon >&2\nexit 1\n")
    script(tmp_path / "dead" / "podman", "#!/bin/sh\nexit 125\n")
    return tmp_path / "dead"


def launch(checkout, action, path=None, **variables):
    """Run ci/launch in the checkout; return (result, the words that python or docker got)."""
    calls = checkout / "calls"
    calls.unlink(missing_ok=True)
    search = f"{path}:{os.environ['PATH']}" if path else os.environ["PATH"]
    result = run(["ci/launch", action], checkout, CALLS=str(calls), **variables, PATH=search)
    return result, calls.read_text(encoding="utf-8").splitlines() if calls.exists() else []


def test_help_lists_every_target_and_variable():
    """What the Makefile can do, and with what, is what `make` alone prints."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.search(r"^\.PHONY: (.*)$", text, re.M)[1].split())
    variables = set(re.findall(r"^([A-Z_]+) \?=", text, re.M))

    output = run(["make"], ROOT).stdout
    assert targets == set(re.findall(r"^  ([a-z-]+) ", output, re.M))
    named = re.findall(r"^  ([A-Z_]+(?:, [A-Z_]+)*)  ", output, re.M)
    assert variables == set(", ".join(named).split(", "))


@pytest.mark.parametrize(
    "target",
    [
        "run",
        "resume",
        "force-restart",
        "exclude",
        "status",
        "why",
        "validate",
        "stop",
        "shell",
        "build",
    ],
)
def test_make_n_prints_a_command_for_cron(target):
    """Spaces, quotes and dollars of INPUT and OUT come through make and the shell unharmed."""
    names = {"INPUT": "my $HOME 'audio'  x", "OUT": 'a "voice" $$'}
    words = [f"{name}={value}" for name, value in names.items()]

    output = run(["make", "-n", target, *words], ROOT).stdout
    command = shlex.split(output)
    assert command[-2:] == ["ci/launch", target]
    assert set(words) < set(command)


@pytest.mark.parametrize("target", TARGETS.split())
def test_make_n_names_no_path_of_this_machine(target):
    """What is printed can be pasted into a crontab of another machine."""
    output = run(["make", "-n", target, "INPUT=audio"], ROOT).stdout

    assert output
    assert [path for path in (str(ROOT), str(Path.home()), "/tmp/") if path in output] == []


def test_an_input_that_exists_is_one_path(checkout):
    """Spaces split INPUT only where no such file exists."""
    (checkout / "my audio").mkdir()

    _, words = launch(checkout, "run", INPUT="my audio", OUT="my voice", RUNTIME="local")
    assert words == ["-P", "-m", "pipeline", "my audio", "--output", "my voice"]


def test_an_input_that_does_not_exist_is_split_into_words(checkout):
    """Several inputs, quoted ones, globs (left to the pipeline) and URLs."""
    (checkout / "a.mp3").touch()
    given = "https://example.org/a?b=c&d 'my audio' *.mp3"

    _, words = launch(checkout, "run", INPUT=given, RUNTIME="local")
    assert words[3:6] == ["https://example.org/a?b=c&d", "my audio", "*.mp3"]


def test_flags_come_from_the_action_the_model_and_args(checkout):
    """resume needs no INPUT; ARGS keep their quotes."""
    _, words = launch(
        checkout,
        "resume",
        RUNTIME="local",
        WHISPER_MODEL="/a b/base.pt",
        ARGS="--verbose --target-speaker 'a clip.wav'",
    )

    assert words[3:] == [
        "--output",
        "my-voice",
        "--whisper-model",
        "/a b/base.pt",
        "--verbose",
        "--target-speaker",
        "a clip.wav",
        "--resume",
    ]


def test_force_restart_passes_its_flag(checkout):
    """force-restart is the pipeline's --force-restart."""
    _, words = launch(checkout, "force-restart", RUNTIME="local")

    assert words[-1] == "--force-restart"


@pytest.mark.parametrize("code", [0, 1, 3, 4, 143])
def test_the_pipelines_exit_code_comes_through(checkout, code):
    """cron sees 3 and 4 as they are; the last line says what they mean."""
    result, _ = launch(checkout, "resume", RUNTIME="local", FAKE_CODE=str(code))

    assert result.returncode == code
    last = result.stderr.splitlines()[-1:]
    assert last == [] if code == 0 else last[0].startswith(f"exit code {code}: ")


def test_a_containers_exit_code_comes_through(checkout, engine):
    """The engine's exit code is the container's, and so the launcher's."""
    script(engine / "docker", '#!/bin/sh\n[ "$1" != run ] || exit 3\n')

    result, _ = launch(checkout, "resume", engine)
    assert result.returncode == 3


def test_a_service_without_a_home_runs_it(checkout):
    """systemd gives a unit of root's none; the weights are in the home that the user list names."""
    command = ["env", "-u", "HOME", "ci/launch", "run"]
    calls = str(checkout / "calls")

    result = run(command, checkout, INPUT="a.wav", RUNTIME="local", CALLS=calls)
    assert result.returncode == 0, result.stderr
    assert "a.wav" in Path(calls).read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("variables", [{}, {"INPUT": "a,b.wav"}], ids=["the pipeline", "ci/launch"])
def test_wrong_use_in_a_container_leaves_no_folder(checkout, engine, variables):
    """An engine needs OUT to be there; what nobody put anything in is gone afterwards."""
    variables = {"INPUT": "gone", "OUT": "my voice", "FAKE_CODE": "2", **variables}
    (checkout / "a,b.wav").touch()
    (checkout / "empty and mine").mkdir()

    result, _ = launch(checkout, "run", engine, **variables)
    kept, _ = launch(checkout, "run", engine, **{**variables, "OUT": "empty and mine"})
    assert (result.returncode, kept.returncode) == (2, 2)
    assert not (checkout / "my voice").exists()
    assert (checkout / "empty and mine").is_dir()


def test_make_says_the_exit_code_that_it_hides(checkout):
    """make itself ends with 2 for every failure; the pipeline's own code is printed."""
    result = run(["make", "resume", "RUNTIME=local"], checkout, FAKE_CODE="3", CALLS="/dev/null")

    assert result.returncode == 2
    assert "exit code 3: finished, but some files failed" in result.stderr


def test_sigterm_reaches_the_pipeline(checkout):
    """A stopped launcher stops the pipeline, waits for it, and ends with its code."""
    fake = "#!/bin/sh\ntrap 'exit 143' TERM\necho ready\nwhile :; do sleep 0.05; done\n"
    script(checkout / ".venv" / "bin" / "python", fake)
    environment = {"PATH": os.environ["PATH"], "HOME": str(checkout), "RUNTIME": "local"}
    process = subprocess.Popen(
        ["ci/launch", "resume"], cwd=checkout, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"

    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 143


def test_ctrl_c_reaches_the_pipeline(checkout):
    """SIGINT to the whole group, as a terminal sends it, is not ignored by the pipeline."""
    fake = "#!/bin/sh\ntrap 'exit 130' INT\necho ready\nwhile :; do sleep 0.05; done\n"
    script(checkout / ".venv" / "bin" / "python", fake)
    environment = {"PATH": os.environ["PATH"], "HOME": str(checkout), "RUNTIME": "local"}
    process = subprocess.Popen(
        ["ci/launch", "resume"],
        cwd=checkout,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout.readline() == "ready\n"

    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=10) == 130


def test_the_pipeline_keeps_standard_input(checkout):
    """A prompt can be answered: the child reads what the launcher was given."""
    script(checkout / ".venv" / "bin" / "python", "#!/bin/sh\ncat\n")
    result = subprocess.run(
        ["ci/launch", "resume"],
        cwd=checkout,
        env={"PATH": os.environ["PATH"], "HOME": str(checkout), "RUNTIME": "local"},
        input="y\n",
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )

    assert result.stdout == "y\n"


def test_an_engine_that_does_not_answer_means_local(checkout, dead_engines):
    """The commands may be installed: without a daemon the run is local, and says so in one line."""
    result, words = launch(checkout, "resume", dead_engines)

    assert result.stderr == "No container engine answers: running in .venv\n"
    assert words[:3] == ["-P", "-m", "pipeline"]


def test_an_engine_that_was_asked_for_must_answer(checkout, dead_engines):
    """RUNTIME=docker without a daemon is an error, never a silent local run."""
    result, words = launch(checkout, "resume", dead_engines, RUNTIME="docker")

    assert (result.returncode, words) == (1, [])
    assert result.stderr.startswith("docker does not answer")


def test_runtime_local_asks_no_engine(checkout, engine):
    """RUNTIME=local goes to .venv though an engine would answer, without a word."""
    result, words = launch(checkout, "resume", engine, RUNTIME="local")

    assert (result.stderr, words[:3]) == ("", ["-P", "-m", "pipeline"])


def test_a_container_sees_every_path_where_it_is_outside(checkout, engine):
    """INPUT read-only, OUT made by the caller and writable, both under their real names."""
    (checkout / "my audio").mkdir()

    _, words = launch(checkout, "run", engine, INPUT="my audio", OUT="my voice", GPUS="none")
    audio, voice = checkout / "my audio", checkout / "my voice"
    assert f"type=bind,source={audio},target={audio},readonly" in words
    assert f"type=bind,source={voice},target={voice}" in words
    assert f"{os.getuid()}:{os.getgid()}" in words
    assert words[-4:] == ["kokoro-dataset-pipeline:9.8.7-cpu", str(audio), "--output", str(voice)]


def mounts(words):
    """Return what is mounted read-only, of the words that docker got."""
    found = [re.fullmatch(r"type=bind,source=(.*),target=\1,readonly", word) for word in words]
    return [match[1] for match in found if match]


@pytest.mark.parametrize("variable", [INTERVAL, LOCK_TIMEOUT, THREADS, LIMIT])
def test_what_decides_a_run_is_the_same_in_a_container(checkout, engine, variable):
    """Also which instructions compute, and so which bytes come out."""
    _, with_it = launch(checkout, "run", engine, INPUT="a.mp3", **{variable: "1"})
    _, without = launch(checkout, "run", engine, INPUT="a.mp3")

    assert [word for word in with_it if word == variable] == [variable]
    assert variable not in without


def test_a_list_brings_what_it_names(checkout, engine):
    """Folders once, however many files of them are listed; lists in lists; no URLs, no comments."""
    for name in ("a b/one.wav", "a b/two.wav", "c/three.wav", "lists/more.m3u"):
        (checkout / name).parent.mkdir(exist_ok=True)
        (checkout / name).write_text("../c/three.wav\nnight.txt\n", encoding="utf-8")
    lines = "\ufeff# tonight\n\n  ../a b/one.wav\n../a b/two.wav\r\nhttps://x.org/y.mp3\nmore.m3u"
    (checkout / "lists" / "night.txt").write_text(lines, encoding="utf-8")

    _, words = launch(checkout, "run", engine, INPUT="lists/night.txt", GPUS="none")
    names = ("lists/night.txt", "a b", "lists/more.m3u", "c")
    assert mounts(words) == [str(checkout / name) for name in names]


def test_globs_and_the_files_of_flags_come_along(checkout, engine):
    """Made absolute, since the container starts in OUT; words that are no paths stay."""
    for name in ("audio/x.mp3", "voices/a.wav", "voices/b.wav", "base"):
        (checkout / name).parent.mkdir(exist_ok=True)
        (checkout / name).touch()
    flags = "--target-speaker voices/a.wav,voices/b.wav --whisper-model base --accent=voices/b.wav"

    _, words = launch(checkout, "run", engine, INPUT="audio/*.mp3", ARGS=flags, GPUS="none")
    a, b = checkout / "voices" / "a.wav", checkout / "voices" / "b.wav"
    assert mounts(words) == [str(checkout / "audio"), str(a), str(b)]
    assert str(checkout / "audio" / "*.mp3") in words
    assert words[-4:] == [f"{a},{b}", "--whisper-model", "base", f"--accent={b}"]


def test_resume_brings_what_the_first_run_read(checkout, engine):
    """Without INPUT: the image reads what is stored, and it is mounted if it is still there."""
    (checkout / "audio").mkdir()
    (checkout / "my-voice").mkdir()
    (checkout / "my-voice" / "pipeline_config.yaml").touch()
    stored = f"printf '%s\\0' '{checkout}/audio' '{checkout}/gone' '/usr/[x'\n"
    script(engine / "docker", f'{ECHO}case "$*" in *"--entrypoint python"*) {stored};; esac\n')

    _, words = launch(checkout, "resume", engine, GPUS="none")
    assert mounts(words) == [str(checkout / "audio"), "/usr"]


def test_the_build_takes_mirrors_as_secrets(checkout, engine):
    """Files by path, never their content; a base image and proxies as arguments."""
    for name in ("ca.pem", "pip.conf"):
        (checkout / name).touch()
    given = {"CA": "ca.pem", "PIP_CONF": "pip.conf", "BASE_IMAGE": "here/debian", "CPU": "1"}

    given |= {"HTTPS_PROXY": "http://proxy:3128", "ARGS": "--network host"}
    _, words = launch(checkout, "build", engine, **given)
    wanted = {"--network", "host"} | {
        "BASE_IMAGE=here/debian",
        "TORCH=cpu",
        "HTTPS_PROXY=http://proxy:3128",
    }
    assert wanted <= set(words)
    secrets = [word for word in words if word.startswith("id=")]
    assert secrets == [f"id=ca,src={checkout}/ca.pem", f"id=pip,src={checkout}/pip.conf"]


def test_a_secret_that_cannot_be_read_is_wrong_use(checkout, engine):
    """Named, before anything is built."""
    result, words = launch(checkout, "build", engine, CA="no such.pem")

    assert result.returncode == 2
    assert "no such.pem" in result.stderr
    assert "build" not in words


def test_where_docker_runs_as_the_user_the_user_is_root_inside(checkout, engine):
    """Rootless docker maps root to its owner, and every other uid to nobody we know."""
    script(engine / "docker", f'{ECHO}[ "$1" != info ] || echo "[name=seccomp name=rootless]"\n')

    _, words = launch(checkout, "resume", engine, GPUS="none")
    assert words[words.index("--user") + 1] == "0:0"


def test_sigterm_reaches_a_container_by_its_name_and_once(checkout, engine):
    """Through the engine: a client on a terminal keeps signals to itself."""
    fake = """case $1 in
    run) trap 'exit 143' USR1; echo $$ > pid; echo ready; while :; do sleep 0.05; done ;;
    kill) kill -USR1 "$(cat pid)" ;;
    esac
    """
    script(engine / "docker", ECHO + fake)
    variables = {"PATH": f"{engine}:{os.environ['PATH']}", "HOME": str(checkout), "GPUS": "none"}
    variables["CALLS"] = str(checkout / "calls")
    process = subprocess.Popen(
        ["ci/launch", "resume"], cwd=checkout, env=variables, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"

    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 143
    words = (checkout / "calls").read_text(encoding="utf-8").splitlines()
    name = words[words.index("--name") + 1]
    assert words[-4:] == ["kill", "--signal", "TERM", name]
    assert f"KOKORO_CONTAINER={name}" in words


@pytest.mark.parametrize("runtime", ["local", "docker"])
def test_status_asks_the_pipeline_of_the_runtime(checkout, engine, runtime):
    """Its exit code comes through; a folder that is not there is not made."""
    missing, _ = launch(checkout, "status", engine, RUNTIME=runtime)
    assert (missing.returncode, (checkout / "my-voice").exists()) == (2, False)
    (checkout / "my-voice").mkdir()

    fake = {"FAKE_CODE": "0" if runtime == "docker" else "3"}  # docker must answer first
    result, words = launch(checkout, "status", engine, RUNTIME=runtime, **fake)
    assert result.returncode == int(fake["FAKE_CODE"])
    assert words[-2] == "status"
    assert words[-1].endswith("my-voice")


@pytest.mark.parametrize("action", ["status", "why", "validate", "exclude"])
def test_the_flags_of_a_look_are_those_of_args_alone(checkout, action):
    """ARGS=--json reaches status; a WHISPER_MODEL that is set for runs is no flag of these."""
    (checkout / "my-voice").mkdir()

    given = {"RUNTIME": "local", "ARGS": "--json", "WHISPER_MODEL": "small"}
    result, words = launch(checkout, action, **given)
    assert result.returncode == 0, result.stderr
    assert words[-3:] == [action, "my-voice", "--json"]


@pytest.mark.parametrize("runtime", ["local", "docker"])
def test_why_hands_the_folder_and_its_words_over(checkout, engine, runtime):
    """Quotes in ARGS hold a name with spaces together; there is no folder to ask about: exit 2."""
    missing, _ = launch(checkout, "why", engine, RUNTIME=runtime, ARGS="a.wav")
    assert (missing.returncode, (checkout / "my-voice").exists()) == (2, False)
    (checkout / "my-voice").mkdir()

    result, words = launch(checkout, "why", engine, RUNTIME=runtime, ARGS="'take 1.m4a' 0:02")
    assert result.returncode == 0, result.stderr
    assert words[-4] == "why"
    assert words[-3].endswith("my-voice")
    assert words[-2:] == ["take 1.m4a", "0:02"]


@pytest.mark.parametrize("runtime", ["local", "docker"])
def test_exclude_hands_the_list_and_the_folder_over(checkout, engine, runtime):
    """The list is mounted as it is, not read as a list of recordings; flags come through."""
    missing, _ = launch(checkout, "exclude", engine, RUNTIME=runtime, INPUT="my ids.txt")
    assert (missing.returncode, (checkout / "my-voice").exists()) == (2, False)
    (checkout / "my-voice").mkdir()
    (checkout / "my ids.txt").write_text("other-0001\n")
    (checkout / "other-0001").mkdir()

    given = {"RUNTIME": runtime, "INPUT": "my ids.txt", "ARGS": "--undo"}
    result, words = launch(checkout, "exclude", engine, **given)
    assert result.returncode == 0, result.stderr
    assert words[-4] == "exclude"
    assert words[-3].endswith("my-voice")
    assert words[-2].endswith("my ids.txt")
    assert words[-1] == "--undo"
    if runtime == "docker":
        mounts = [word for word in words if "my ids.txt,readonly" in word]
        assert len(mounts) == 1
        assert not [word for word in words if "other-0001" in word]


def test_a_comma_in_a_path_is_refused_for_containers(checkout, engine):
    """--mount cannot say it: exit 2 and the way out, rather than the wrong folder."""
    (checkout / "a,b").mkdir()

    result, _ = launch(checkout, "run", engine, INPUT="a,b")
    assert result.returncode == 2
    assert "RUNTIME=local" in result.stderr


def test_run_without_input_says_how(checkout):
    """Wrong use is exit 2 with an example."""
    result, _ = launch(checkout, "run", RUNTIME="local")

    assert result.returncode == 2
    assert "make run INPUT=./audio OUT=my-voice" in result.stderr


def test_stop_ends_only_a_pipeline(checkout):
    """A PID that was left behind and belongs to another program now is not killed."""
    bystander = subprocess.Popen(["sleep", "30"])
    (checkout / "my-voice").mkdir()
    lock = checkout / "my-voice" / ".pipeline_running"
    lock.write_text(f"pid: {bystander.pid}\nhost: here\n", encoding="utf-8")

    result, _ = launch(checkout, "stop", RUNTIME="local")
    still_there = bystander.poll() is None
    bystander.kill()
    bystander.wait()
    assert (result.returncode, still_there) == (1, True)

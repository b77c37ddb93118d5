"""The same releases everywhere: requirements, constraints, .venv, and what the image installs."""

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
UV = Path(sys.executable).parent / "uv"
WITHOUT_WHEEL = ("docopt", "openai-whisper")  # plain Python, built when they are installed


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(*files: str) -> dict[str, str]:
    """Return the versions that files pin, by normal name; of pip's hash form too."""
    text = "\n".join((ROOT / name).read_text(encoding="utf-8") for name in files)
    found = re.findall(r"^([A-Za-z0-9_.-]+)(?:\[[a-z]+\])?==([^\s;\\#]+)", text, re.M)
    return {normal(name): version for name, version in found}


CONSTRAINED = pins("ci/constraints.txt")
LOCKED = pins("ci/locked.txt")
CUDA = pins("ci/locked-cuda.txt")


def test_every_requirement_is_pinned_and_locked_at_that_version():
    """Nothing in the requirement files is without ==; make lock was run after the last change."""
    files = ("requirements.txt", "requirements-nodeps.txt")
    lines = [line for name in files for line in (ROOT / name).read_text().splitlines()]
    asked = [line for line in lines if line.strip() and not line.startswith(("#", " "))]

    wanted = pins(*files)
    assert len(wanted) == len(asked)
    assert wanted.items() <= (LOCKED | CUDA).items()
    assert (wanted | pins("requirements-dev.txt")).items() <= CONSTRAINED.items()


def test_the_image_has_the_constrained_versions():
    """ci/setup and the image install the same releases; only CUDA's libraries are the image's."""
    assert LOCKED.items() <= CONSTRAINED.items()
    assert CUDA["torch"] == CONSTRAINED["torch"]
    assert all(re.match("torch$|triton$|nvidia-|cuda-", name) for name in CUDA)


def test_the_venv_has_the_constrained_versions():
    """What these tests run on is what is locked; a build's own mark (+cpu) aside."""
    installed = {normal(d.name): d.version.partition("+")[0] for d in metadata.distributions()}

    assert {n: installed.get(n) for n in LOCKED} == LOCKED
    assert {n: v for n, v in CONSTRAINED.items() if installed.get(n, v) != v} == {}


@pytest.mark.parametrize("name", ["ci/locked.txt", "ci/locked-cuda.txt"])
def test_every_locked_package_has_hashes(name):
    """pip refuses any other bytes."""
    blocks = re.split(r"^(?=\S)", (ROOT / name).read_text(encoding="utf-8"), flags=re.M)
    packages = [block for block in blocks if "==" in block]

    assert len(packages) == len(pins(name))
    assert [b for b in packages if not re.search(r"--hash=sha256:[0-9a-f]{64}", b)] == []


def test_the_dockerfile_installs_by_the_locks_alone():
    """No pip but ci/image-install's, which takes no dependency that the locks do not name."""
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    script = (ROOT / "ci" / "image-install").read_text(encoding="utf-8")
    code = "\n".join(line for line in script.splitlines() if not line.lstrip().startswith("#"))

    assert "pip install" not in dockerfile
    assert re.findall(r"pip install(.*)", code) == [
        ' --disable-pip-version-check --progress-bar off --no-deps --no-compile "$@" &&'
    ]
    assert set(re.findall(r"-r \S+/(\S+?)[\"';) ]", code)) == {"locked.txt", "locked-cuda.txt"}


@pytest.mark.parametrize("python", ["3.11", "3.12"])
def test_the_requirements_resolve_to_the_lock(python):
    """On both Pythons, to the same releases, each with a wheel for it. Asks the package index."""
    command = (UV, "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--upgrade")
    where = ("--python-version", python, "--python-platform", "x86_64-manylinux_2_28")
    wheels = ("--only-binary", ":all:", *(w for n in WITHOUT_WHEEL for w in ("--no-binary", n)))
    files = ("--constraints", "ci/constraints.txt", "--overrides", "ci/overrides.txt")
    done = subprocess.run(
        [*command, *where, *wheels, *files, "requirements.txt", "requirements-nodeps.txt"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if re.search("dns error|error sending request|Connect", done.stderr):
        pytest.skip("no package index can be reached")
    assert done.returncode == 0, done.stderr
    found = re.findall(r"^(\S+)==(\S+)", done.stdout, re.M)
    resolved = {normal(name): version for name, version in found}
    assert {n: v for n, v in resolved.items() if n not in CUDA} == LOCKED

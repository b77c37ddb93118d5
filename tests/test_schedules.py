"""The examples in ci/: valid by their tools' own schemas, true to the command line."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipeline import config
from pipeline.cli import parse

ROOT = Path(__file__).parents[1]
CI = ROOT / "ci"
INSTALLED = "/srv/kokoro-dataset-pipeline"  # where the examples expect the checkout
BIN = Path(sys.executable).parent
READMES = sorted(CI.glob("*/README.md"))
WRONG_USE, SOME_FAILED, LOCKED = 2, 3, 4  # exit codes that no second try can change
RAY_JOB = "rayjob.yaml"
# KubeRay 1.x, ray-operator/apis/ray/v1: RayJobSpec and WorkerGroupSpec, what we use of them
RAY_JOB_KEYS = {"entrypoint", "backoffLimit", "shutdownAfterJobFinishes", "ttlSecondsAfterFinished",
                "rayClusterSpec"}  # fmt: skip
RAY_GROUP_KEYS = {"groupName", "replicas", "minReplicas", "maxReplicas", "rayStartParams",
                  "template"}  # fmt: skip
KUBERNETES = ("1.31.0", "1.37.0")  # podFailurePolicy is stable since the first


def check(*words: object, cwd: Path = ROOT, **options) -> subprocess.CompletedProcess[str]:
    """Run a command; return what it printed, both streams in one."""
    return subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
        **options,
    )


def load(path: Path) -> list[dict]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def pod_of(name: str) -> dict:
    """Return the pod's spec in job.yaml or cronjob.yaml."""
    return job_of(name)["template"]["spec"]


def job_of(name: str) -> dict:
    spec = load(CI / "kubernetes" / name)[0]["spec"]
    return spec["jobTemplate"]["spec"] if "jobTemplate" in spec else spec


# --- schemas ------------------------------------------------------------------------------------

SCHEMAS = [
    ("github-workflows", "github/dataset.yml", ()),
    ("gitlab-ci", "gitlab/gitlab-ci.yml", ("--data-transform", "gitlab-ci")),
    ("compose-spec", "compose/compose.yaml", ()),
    ("compose-spec", "compose/compose.gpu.yaml", ()),
]


@pytest.mark.parametrize(("schema", "name", "flags"), SCHEMAS)
def test_an_example_is_valid_and_a_misspelt_one_is_not(tmp_path, schema, name, flags):
    """By the schema that its service publishes; a key that is wrong would be found."""
    wrong = tmp_path / "wrong.yml"
    text = (CI / name).read_text(encoding="utf-8")
    wrong.write_text(
        re.sub(r"^(jobs|services|smoke):", r"\1: 7\nx-\1:", text, flags=re.M), encoding="utf-8"
    )
    validate = (BIN / "check-jsonschema", "--builtin-schema", f"vendor.{schema}", *flags)

    done = check(*validate, CI / name)
    assert done.returncode == 0, done.stdout
    assert check(*validate, wrong).returncode == 1


@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_takes_the_examples_and_no_unknown_key(tmp_path, version):
    """Strictly, by the API's own schema of two releases."""
    wrong = tmp_path / "wrong.yaml"
    text = (CI / "kubernetes" / "job.yaml").read_text(encoding="utf-8")
    wrong.write_text(text.replace("restartPolicy:", "restartPolicies:"), encoding="utf-8")
    validate = (BIN / "kubernetes-validate", "--strict", "-k", version)

    files = sorted((CI / "kubernetes").glob("*.yaml"))
    done = check(*validate, *(path for path in files if path.name != RAY_JOB))
    assert done.returncode == 0, done.stdout
    assert check(*validate, wrong).returncode != 0


def pods_of_ray() -> list[dict]:
    """Return the templates of the RayJob's pods: head, workers."""
    cluster = load(CI / "kubernetes" / RAY_JOB)[0]["spec"]["rayClusterSpec"]
    return [group["template"] for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])]


def test_the_ray_jobs_pods_and_volumes_are_valid_and_its_own_keys_known(tmp_path):
    """Kubernetes' schema has no RayJob: its pods are held by a pod's, its keys by KubeRay's."""
    job, *claims = load(CI / "kubernetes" / RAY_JOB)
    pods = [
        {"apiVersion": "v1", "kind": "Pod", **pod, "metadata": {**pod["metadata"], "name": "ray"}}
        for pod in pods_of_ray()
    ]
    whole, wrong = tmp_path / "whole.yaml", tmp_path / "wrong.yaml"
    whole.write_text(yaml.safe_dump_all([*pods, *claims]), encoding="utf-8")
    wrong.write_text(whole.read_text().replace("mountPath", "mountsPath"), encoding="utf-8")
    validate = (BIN / "kubernetes-validate", "--strict", "-k", KUBERNETES[-1])

    assert check(*validate, whole).returncode == 0, check(*validate, whole).stdout
    assert check(*validate, wrong).returncode != 0
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert set(job["spec"]) <= RAY_JOB_KEYS
    assert set(job["spec"]["rayClusterSpec"]) <= {"rayVersion", "headGroupSpec", "workerGroupSpecs"}
    for group in job["spec"]["rayClusterSpec"]["workerGroupSpecs"]:
        assert set(group) <= RAY_GROUP_KEYS


def test_the_ray_job_runs_the_pinned_ray_on_a_shared_folder_with_a_gpu_each():
    job, *claims = load(CI / "kubernetes" / RAY_JOB)
    inputs, given = parse(shlex.split(job["spec"]["entrypoint"].partition("-m pipeline ")[2]))
    head, worker = (pod["spec"] for pod in pods_of_ray())

    assert (len(inputs), given["resume"], given["executor"]) == (1, True, "ray")
    version = job["spec"]["rayClusterSpec"]["rayVersion"]
    assert f"ray=={version} " in (ROOT / "requirements-dev.txt").read_text()
    assert f'ray = ["ray=={version}"]' in (ROOT / "pyproject.toml").read_text()
    assert [claim["spec"]["accessModes"] for claim in claims] == [["ReadWriteMany"]] * 2
    assert worker["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert head["volumes"] == worker["volumes"]
    named = {
        volume["persistentVolumeClaim"]["claimName"]
        for volume in head["volumes"]
        if "persistentVolumeClaim" in volume
    }
    assert named == {claim["metadata"]["name"] for claim in claims}


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not here")
def test_systemd_verifies_the_units(tmp_path):
    """It prints nothing: keys, values, and a command that is there and can be run."""
    units = [tmp_path / f"kokoro-dataset.{kind}" for kind in ("service", "timer")]
    for unit in units:
        text = (CI / "systemd" / unit.name).read_text(encoding="utf-8")
        unit.write_text(text.replace(INSTALLED, str(ROOT)), encoding="utf-8")

    done = check("systemd-analyze", "verify", "--man=no", *units)
    assert (done.returncode, done.stdout) == (0, "")
    units[0].write_text(units[0].read_text().replace("/ci/launch", "/ci/lunch"))
    assert "not executable" in check("systemd-analyze", "verify", "--man=no", *units).stdout


# --- what they say to the pipeline --------------------------------------------------------------


def argument_lists() -> dict[str, list[str]]:
    compose = load(CI / "compose" / "compose.yaml")[0]["services"]["dataset"]
    pods = {name: pod_of(name)["containers"][0]["args"] for name in ("job.yaml", "cronjob.yaml")}
    return {**pods, "compose.yaml": compose["command"]}


@pytest.mark.parametrize("name", ["job.yaml", "cronjob.yaml", "compose.yaml"])
def test_the_command_line_understands_its_arguments(name):
    """They resume, so that one example serves the first run and every other."""
    inputs, given = parse(argument_lists()[name])

    assert len(inputs) == 1
    assert given["resume"] is True
    assert set(given) <= {name for names in config.groups().values() for name in names}


@pytest.mark.parametrize("name", ["job.yaml", "cronjob.yaml"])
def test_a_pod_may_write_where_the_image_writes(name):
    """Dataset, weights and /tmp are volumes, since the root is read-only."""
    pod = pod_of(name)
    container = pod["containers"][0]
    mounts = {each["mountPath"] for each in container["volumeMounts"]}
    output = parse(container["args"])[1]["output"]

    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert mounts == {"/data", "/models", "/tmp"}
    assert output.startswith("/data/")
    assert {each["name"] for each in pod["volumes"]} == {
        each["name"] for each in container["volumeMounts"]
    }


@pytest.mark.parametrize("name", ["job.yaml", "cronjob.yaml"])
def test_a_job_tries_again_only_what_can_end_otherwise(name):
    """Wrong use, failed files and a lock fail the Job; a moved pod does not count."""
    job = job_of(name)
    failing = [r for r in job["podFailurePolicy"]["rules"] if r["action"] == "FailJob"]

    assert failing[0]["onExitCodes"]["values"] == [WRONG_USE, SOME_FAILED, LOCKED]
    assert failing[0]["onExitCodes"]["containerName"] == pod_of(name)["containers"][0]["name"]
    assert pod_of(name)["restartPolicy"] == "Never"
    assert pod_of(name)["terminationGracePeriodSeconds"] > 10


def test_both_pods_are_the_same():
    """What works as a Job works by night."""
    assert job_of("job.yaml") == job_of("cronjob.yaml")


def test_systemd_tries_again_only_what_can_end_otherwise():
    """And sends SIGTERM to the launcher alone: twice would mean at once."""
    text = (CI / "systemd" / "kokoro-dataset.service").read_text(encoding="utf-8")

    assert f"\nRestartPreventExitStatus={WRONG_USE} {SOME_FAILED} {LOCKED}\n" in text
    assert "\nKillMode=mixed\n" in text


# --- cron, run as cron runs it ------------------------------------------------------------------


@pytest.fixture
def cron_line(tmp_path) -> tuple[str, dict[str, str]]:
    """The crontab's command and environment, in a checkout whose python is a fake."""
    root = tmp_path / "checkout"
    for name in ("launch", "container.sh", "cron/quietly"):
        (root / "ci" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CI / name, root / "ci" / name)
    fake = root / ".venv" / "bin" / "python"
    fake.parent.mkdir(parents=True)
    fake.write_text('#!/bin/sh\necho "$@"\nexit "$(cat code)"\n', encoding="utf-8")
    (root / "ci" / "setup").write_text("#!/bin/sh\n", encoding="utf-8")
    for script in (fake, root / "ci" / "setup"):
        script.chmod(0o755)
    lines = (CI / "cron" / "crontab").read_text(encoding="utf-8").splitlines()
    variables = dict(line.split("=", 1) for line in lines if re.match(r"[A-Z]+=", line))
    command = next(line for line in lines if re.match(r"\d", line)).split(None, 5)[5]
    environment = {**variables, "HOME": str(tmp_path), "SHELL": "/bin/sh", "RUNTIME": "local"}
    return command.replace(INSTALLED, str(root)), environment


@pytest.mark.parametrize(
    ("code", "mails"), [(0, False), (1, True), (SOME_FAILED, True), (LOCKED, False), (143, True)]
)
def test_cron_mails_only_what_went_wrong(tmp_path, cron_line, code, mails):
    """Its environment is cron's: next to nothing. The exit code is the pipeline's."""
    command, environment = cron_line
    (tmp_path / "checkout" / "code").write_text(str(code))

    done = check("/bin/sh", "-c", command, cwd=tmp_path, env=environment)
    assert done.returncode == code
    assert bool(done.stdout) == mails
    if mails:
        assert "/srv/recordings --output /srv/my-voice --resume" in done.stdout
        assert f"exit code {code}: " in done.stdout


def test_the_crontab_has_five_fields_of_time_and_no_bare_percent():
    """A % is a line break to cron."""
    line = (CI / "cron" / "crontab").read_text(encoding="utf-8").splitlines()[-1]

    assert all(re.fullmatch(r"[\d*/,-]+", field) for field in line.split()[:5])
    assert not re.search(r"(?<!\\)%", line)


# --- their READMEs ------------------------------------------------------------------------------


def commands(path: Path) -> list[str]:
    """Return the lines of the sh blocks."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", path.read_text(encoding="utf-8"), re.M | re.S)
    return [line.strip() for line in "".join(blocks).splitlines()]


def test_each_example_has_a_readme():
    """How to install it, beside it."""
    folders = {path.parent for path in CI.glob("*/*") if path.parent.name != "wheels"}

    assert {path.parent for path in READMES} == folders
    assert all(commands(path) for path in READMES)


@pytest.mark.parametrize("path", READMES, ids=lambda path: path.parent.name)
def test_every_file_and_make_target_that_a_readme_names_is_there(path):
    """A command that is followed to the letter finds what it names."""
    words = [word for line in commands(path) for word in shlex.split(line)]
    files = {word for word in words if word.startswith("ci/")}
    targets = [line.split()[1] for line in commands(path) if line.startswith("make ")]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    assert [name for name in files if not (ROOT / name).exists()] == []
    assert [name for name in targets if f"\n{name}: " not in makefile] == []


@pytest.mark.parametrize("name", ["github/dataset.yml", "gitlab/gitlab-ci.yml"])
def test_every_make_target_of_the_ci_files_is_there(name):
    """With variables that make hands on."""
    text = (CI / name).read_text(encoding="utf-8")
    lines = re.findall(r"(?:run:|-) (make .+)$", text, re.M)

    assert lines
    for line in lines:
        dry = check("make", "-n", *shlex.split(line)[1:], env={**os.environ, "CI": "true"})
        assert dry.returncode == 0, dry.stdout
        given = [word for word in shlex.split(line)[2:] if word not in shlex.split(dry.stdout)]
        assert given == [], dry.stdout

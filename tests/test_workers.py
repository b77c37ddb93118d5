"""How many workers there are, what each gets of the machine, and that the dataset is the same."""

import contextlib
import re
import subprocess
import sys
import types
from pathlib import Path

import pytest
import torch

from pipeline import audio, executors, models, workforce
from pipeline.executors import LocalCrew, Task, hardware, local
from pipeline.item import Item
from pipeline.models import bfloat16, onednn
from pipeline.plan import FAILED_BEFORE, Decisions
from pipeline.sources import Source
from pipeline.workforce import Workforce, longest_first
from tests.test_pipeline import MODEL, SAMPLE
from tests.test_pipeline import run as run_pipeline
from tests.test_runner import run, taken_up, texts


class Rates:
    """A step takes a tenth of the sound's seconds."""

    def of(self, step: str) -> float:  # noqa: ARG002
        return 0.1


@pytest.fixture
def machine(monkeypatch):
    """Sets how many cores and how much free memory there are."""

    def there_are(cores: int, gb: float, gpu_gb: float = 0.0) -> None:
        monkeypatch.setattr(local, "core_count", lambda: cores)
        monkeypatch.setattr(hardware, "core_count", lambda: cores)
        monkeypatch.setattr(local, "free_gpu_gb", lambda: gpu_gb)
        monkeypatch.setattr(workforce.executors, "free_memory_gb", lambda: gb)

    return there_are


def workers(wanted: str, files: int, seconds: float, gpus: int = 0, **attributes: object) -> int:
    devices = [f"cuda:{k}" for k in range(gpus)] or ["cpu"]
    step = types.SimpleNamespace(Params=dict, **attributes)
    force = Workforce(wanted, LocalCrew(devices), Rates())
    return force.workers("step", step, {}, [seconds / files] * files)


@pytest.mark.parametrize(
    ("cores", "gb", "files", "seconds", "expected"),
    [
        (8, 64, 100, 9000, 8),  # one a core
        (8, 64, 3, 9000, 3),  # never more than files
        (8, 7, 100, 9000, 3),  # 2 GB each
        (8, 1, 100, 9000, 1),  # the one that works in this process
        (8, 64, 100, 400, 4),  # 40 s of work
        (8, 64, 100, 40, 1),  # 4 s: less than a start
    ],
)
def test_auto_is_one_worker_a_core_as_memory_and_work_allow(
    machine, cores, gb, files, seconds, expected
):
    machine(cores, gb)

    assert workers("auto", files, seconds) == expected
    assert workers("4", files, seconds) == min(4, files)  # what is asked for is what one gets


@pytest.mark.parametrize(
    ("cores", "gpus", "gpu_gb", "expected"),
    [
        (8, 1, 80, 4),  # more than four on a GPU wait for each other
        (8, 2, 80, 8),
        (8, 4, 80, 8),  # two cores a GPU
        (3, 2, 80, 2),  # one each, though there is a third core
        (1, 2, 80, 2),
        (8, 1, 8, 3),  # 2.5 GB of a GPU each: a quarter more than of the machine
        (8, 2, 4, 2),
        (8, 2, 0, 2),  # not said, or a GPU that takes one process alone
        (8, 0, 0, 8),  # none: a core each
    ],
)
def test_auto_shares_a_gpu_as_its_memory_and_cores_allow(machine, cores, gpus, gpu_gb, expected):
    machine(cores, 64, gpu_gb)

    assert workers("auto", 100, 9000, gpus=gpus, ON_GPU=True) == expected
    assert workers("auto", 100, 9000, gpus=gpus) == cores  # a step that does not use them
    assert workers("auto", 1, 9000, gpus=gpus, ON_GPU=True) == 1


def test_memory_of_gpus_is_asked_for_once_before_our_own_workers_have_theirs(monkeypatch):
    free = iter([24.0])  # a second question would find nothing
    monkeypatch.setattr(local, "free_gpu_gb", lambda: next(free))
    crew = LocalCrew(["cuda:0"])

    assert [crew.places(True, 2.0) for _ in range(2)] == [min(4, hardware.core_count())] * 2


def test_a_step_that_needs_more_memory_says_so(machine):
    machine(8, 12)

    assert workers("auto", 100, 9000, memory_gb=lambda _: 5.0) == 2


def test_cores_and_memory_are_those_of_the_container(tmp_path, monkeypatch):
    """Control groups: a pod may use 1.5 cores and 4 GB; the slice above it 8 GB."""
    pod = tmp_path / "groups/slice/pod"
    pod.mkdir(parents=True)
    (tmp_path / "own").write_text("0::/slice/pod\n")
    (pod / "cpu.max").write_text("150000 100000\n")
    (pod / "memory.max").write_text("4000000000\n")
    (pod / "memory.current").write_text("3000000000\n")
    (pod / "memory.stat").write_text("anon 1\ninactive_file 500000000\n")
    (pod.parent / "cpu.max").write_text("max 100000\n")
    (pod.parent / "memory.max").write_text("8000000000\n")
    (pod.parent / "memory.current").write_text("3000000000\n")
    monkeypatch.setattr(hardware, "GROUPS", tmp_path / "groups")
    monkeypatch.setattr(hardware, "OWN_GROUP", tmp_path / "own")

    assert hardware.core_count() == min(2, len(hardware.os.sched_getaffinity(0)))
    assert hardware.free_memory_gb() == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("cores", "workers", "set_by_user", "threads"),
    [(8, 2, "", "4"), (8, 3, "", "2"), (2, 4, "", "1"), (8, 2, "1", "1"), (8, 2, "many", "4")],
)
def test_workers_share_the_cores(monkeypatch, cores, workers, set_by_user, threads):
    monkeypatch.setenv(hardware.THREADS, set_by_user)
    monkeypatch.setattr(hardware, "core_count", lambda: cores)

    hardware.share_cores(workers)
    assert hardware.os.environ[hardware.THREADS] == threads


def test_torch_in_a_worker_has_its_share_of_threads(tmp_path):
    """Of a real pool and the real torch: all workers together have as many threads as cores."""
    tasks = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        item = Item(name, name, "")
        tasks.append(
            Task("tests.cheap.where", (item,), name, str(tmp_path / name), {"torch": True})
        )

    count = hardware.core_count() + 1  # more workers than cores: one thread each
    with contextlib.closing(executors.LocalCrew(["cpu"])) as crew:
        outcomes = list(crew.in_pool(count, tasks))
    assert [outcome.facts["threads"] for outcome in outcomes] == [1, 1]


def test_workers_know_that_they_are_of_one_run(tmp_path):
    """What one has asked for in vain, another need not: by the same word in the same variable."""
    assert local.RUN == models.fetch.RUN
    (tmp_path / "a").mkdir()
    task = Task("tests.cheap.where", (Item("a", "a", ""),), "a", str(tmp_path / "a"), {})

    with contextlib.closing(executors.LocalCrew(["cpu"])) as crew:
        (outcome,) = crew.in_pool(1, [task])
    assert outcome.facts["run"] == hardware.os.environ[local.RUN] != ""


LENGTHS = """
from pipeline.executors import tame_threads
tame_threads()
import torch
from pipeline.models import onednn
with torch.no_grad(), onednn():
    for rows in [200, 200, *range(201, 201 + {others}), 200]:
        torch.nn.functional.linear(torch.ones(rows, 256), torch.ones(256, 256))
"""


@pytest.mark.parametrize(
    ("others", "last"),
    [(hardware.MOST_KERNELS // 2, "hit"), (hardware.MOST_KERNELS * 2, "miss")],
)
def test_torch_holds_no_more_kernels_than_it_may(others, last):
    """oneDNN's own words: what it made for one length is there a while, and not for ever."""
    clean = {k: v for k, v in hardware.os.environ.items() if k not in hardware.KERNELS}
    told = subprocess.run(
        [sys.executable, "-c", LENGTHS.format(others=others)],
        env={**clean, "ONEDNN_VERBOSE": "2", bfloat16.LIMIT: "AVX512_CORE"},  # else MKL's with AMX
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    made = re.findall(r"create:cache_(hit|miss),cpu,matmul", told)
    assert made == ["miss", "hit", *["miss"] * others, last]


@pytest.mark.parametrize("variable", hardware.KERNELS)
def test_how_many_kernels_torch_holds_is_the_users_to_say(monkeypatch, variable):
    monkeypatch.delenv(variable)
    hardware.keep_few_kernels()
    assert hardware.os.environ[variable] == str(hardware.MOST_KERNELS)

    monkeypatch.setenv(variable, "7")
    hardware.keep_few_kernels()
    assert hardware.os.environ[variable] == "7"


def test_a_gpu_sums_in_one_order_unless_the_user_says_otherwise(monkeypatch):
    name, value = hardware.SCRATCH
    monkeypatch.delenv(name)
    hardware.tame_threads()
    assert hardware.os.environ[name] == value

    monkeypatch.setenv(name, "theirs")
    hardware.tame_threads()
    assert hardware.os.environ[name] == "theirs"


def test_products_are_of_float32_also_where_the_processor_has_bfloat16():
    """A product of 512 pairs is as near to that of doubles by oneDNN as without it."""
    torch.manual_seed(0)
    values, weights = torch.randn(400, 512), torch.randn(512, 512)
    exact = values.double() @ weights.double().T

    with onednn():
        product = torch.nn.functional.linear(values, weights)

    assert float((product.double() - exact).abs().max()) < 1e-3  # by bfloat16: 0.2


def test_the_longest_file_comes_first_and_what_failed_before_last():
    todo = Decisions([Source(key, key, "") for key in "abcd"])
    for number, why in enumerate(("new", FAILED_BEFORE, "new", "new")):
        todo.add(number, "f0" * 32, why, stands=False)

    order = longest_first(todo, [1.0, 9.0, 5.0, 1.0])
    assert [one.source for one in order] == ["c", "a", "d", "b"]


def test_several_workers_begin_with_the_longest_and_one_goes_by_name(tmp_path):
    inputs = texts(tmp_path / "in", a="x", b="x" * 400, c="x" * 90_000, d="x" * 40_000)
    two = run(inputs, "--output", tmp_path / "two", "--workers", 2)
    one = run(inputs, "--output", tmp_path / "one", "--workers", 1)

    by_length = ["c.wav", "d.wav", "b.wav", "a.wav"]
    assert taken_up(two.stdout) == taken_up(two.stdout, "Shouting") == by_length
    assert taken_up(one.stdout) == taken_up(one.stdout, "Shouting") == sorted(by_length)
    index = "metadata.jsonl"
    assert (tmp_path / "two" / index).read_bytes() == (tmp_path / "one" / index).read_bytes()


def everything(out: Path) -> dict[str, bytes]:
    """Return every byte that the stages made, also in work/, without times and the run's own."""
    ours = ("pipeline.log", "pipeline_state.yaml", "pipeline_config.yaml", "record.json")
    paths = [path for path in sorted(out.rglob("*")) if path.is_file() and path.name not in ours]
    return {str(path.relative_to(out)): path.read_bytes() for path in paths}


def test_any_number_of_workers_makes_the_same_dataset(tmp_path):
    """1, 2 and 4 workers, of real stages, each with another share of the threads."""
    inputs = tmp_path / "in"
    inputs.mkdir()
    for number, (first_s, last_s) in enumerate(((0, 7), (7, 16), (16, 24), (24, 30))):
        samples, rate_hz = audio.read(SAMPLE / "monologue.flac", first_s, last_s)
        audio.write(inputs / f"part {number}.flac", samples, rate_hz)
    made: list[dict[str, bytes]] = []
    for count in (1, 2, 4):
        out = Path(tmp_path / str(count))
        words = ("--output", out, *MODEL, "--workers", count, "--keep-temp")
        code, said = run_pipeline(inputs, *words)
        assert code == 0, said
        made.append(everything(out))

    assert any(name.startswith("wavs/") for name in made[0])
    assert any(name.endswith("embeddings.npy") for name in made[0])
    for other in made[1:]:
        assert [name for name in made[0] | other if made[0].get(name) != other.get(name)] == []

"""The work on a Ray cluster, over an output folder that all of its machines share.

In:  tasks, lazily: as many are in hand as the cluster has room for. Out: their outcomes, as they
     end; "crashed" for one whose process died. One whose machine was lost is given out again.
Left out: finding the cluster (`ray_connection.py`), what its machines do with a task
(`ray_task.py`), starting it and weights on them (docs/ray.md), scheduling (Ray's own).
"""

import contextlib
import dataclasses
import importlib
import logging
import shutil
import uuid
from collections.abc import Generator, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from pipeline import __version__
from pipeline.executors import ray_connection
from pipeline.executors.ray_connection import connect, leave
from pipeline.executors.ray_task import TOKEN, run_task, seen
from pipeline.executors.task import Outcome, Task

log = logging.getLogger(__name__)

LOOK_S = 1.0  # how often the cluster is asked whether it has grown; a signal waits no longer
GONE_S = 3.0  # cancelled tasks have ended by then; an exit within 5 s is promised
LOST_ALLOWED = 5  # machines lost with one file in hand; then it is the file that is suspected


@dataclasses.dataclass(frozen=True)
class _Try:
    """A task as it is on the cluster, in a folder of its own."""

    task: Task
    out: str
    reference: Any  # Ray's
    lost: int  # machines so far


class RayCrew:
    """Workers of one run on the cluster at `address`; "": the one that this machine is part of.

    subtle: Ray is called on a thread of its own. A signal's exception, raised in the main thread,
    leaves one of Ray's C functions with a result and an error at once: a SystemError (2.60.0).
    """

    is_here = False

    def __init__(self, address: str, wanted: str, device: str) -> None:
        self._address = address
        self._most = int(wanted) if wanted.isdecimal() else 0  # 0: all that there is room for
        self._on_cpu = device == "cpu"
        self._in_hand: dict[Future[Outcome], _Try] = {}
        self._functions: dict[tuple[float, float], Any] = {}
        self._thread = ThreadPoolExecutor(1, "ray")

    def places(self, on_gpu: bool, memory_gb: float = 0.0) -> int:  # noqa: ARG002
        """Return how many tasks of a kind the cluster has room for now. Raises NoCluster."""
        return self._thread.submit(self._room, on_gpu).result()

    def run(self, workers: int, tasks: Iterable[Task]) -> Generator[Outcome, None, None]:  # noqa: ARG002
        """Do the tasks; the cluster may grow meanwhile. Raises NoCluster."""
        waiting, in_hand = iter(tasks), self._in_hand
        room = self.places(on_gpu=False)  # of one task, whatever it needs
        try:
            while True:
                while len(in_hand) < (room if in_hand else 1) and (task := next(waiting, None)):
                    self._thread.submit(self._submit, task, in_hand, 0).result()
                    room = self.places(_is_on_gpu(task))
                if not in_hand:
                    return
                for future in wait(in_hand, LOOK_S, FIRST_COMPLETED).done:
                    yield from self._ended(future, in_hand)
        finally:
            self._drop(in_hand)

    def alone(self, task: Task) -> Outcome:
        """Do one task on a machine that does nothing else for us meanwhile."""
        own: dict[Future[Outcome], _Try] = {}
        try:
            self._thread.submit(self._submit, task, own, 0, alone=True).result()
            while True:
                for future in wait(own, LOOK_S, FIRST_COMPLETED).done:
                    for outcome in self._ended(future, own):
                        return outcome
        finally:
            self._drop(own)

    def rest(self) -> None:
        """Nothing to do: memory on the cluster is Ray's matter."""

    def close(self) -> None:
        """Leave the cluster."""
        self._drop(self._in_hand)
        self._thread.submit(leave).result()
        self._thread.shutdown()

    def _ended(
        self, future: Future[Outcome], in_hand: dict[Future[Outcome], _Try]
    ) -> Iterator[Outcome]:
        ray, one = ray_connection.ray(), in_hand.pop(future)
        try:
            outcome = future.result()
        except ray.exceptions.RayError as err:
            shutil.rmtree(one.out, ignore_errors=True)
            if _is_lost(ray, err) and one.lost < LOST_ALLOWED:
                log.warning(
                    "⚠️ a machine was lost with %s in hand; it is done again", one.task.source
                )
                self._thread.submit(self._submit, one.task, in_hand, one.lost + 1).result()
                return
            yield _without_outcome(ray, one.task, err)
            return
        with contextlib.suppress(OSError):
            Path(one.task.out).rmdir()  # the folder that it was given; what was made is in its own
        yield seen(outcome)

    # --- on Ray's thread ------------------------------------------------------------------------

    def _room(self, on_gpu: bool) -> int:
        """Return how many tasks there is room for, at least 1."""
        ray = connect(self._address)
        kind = "GPU" if self._needs(ray, on_gpu)[1] else "CPU"
        room = int(ray.cluster_resources().get(kind, 0))
        return max(1, min(room, self._most or room))

    def _needs(self, ray: Any, on_gpu: bool) -> tuple[float, float]:
        """Return (CPUs, GPUs) of a task; none of a cluster's GPUs if it has none."""
        return (
            (0, 1) if on_gpu and not self._on_cpu and ray.cluster_resources().get("GPU") else (1, 0)
        )

    def _submit(
        self, task: Task, in_hand: dict[Future[Outcome], _Try], lost: int, alone: bool = False
    ) -> None:
        ray = connect(self._address)
        cpus, gpus = self._needs(ray, _is_on_gpu(task))
        if alone:
            alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
            # subtle: of a machine that has what else it needs, or it would wait for ever
            cpus = max([cpus, *(one.get("CPU", 0) for one in alive if one.get("GPU", 0) >= gpus)])
        # subtle: a folder for each try. A machine that is only cut off may go on writing.
        word = uuid.uuid4().hex
        out = Path(f"{task.out}.{word[:8]}")
        out.mkdir()
        (out / TOKEN).write_text(word, encoding="utf-8")
        sent = dataclasses.replace(task, out=str(out))
        reference = self._function(ray, cpus, gpus).remote(sent, word, __version__)
        in_hand[reference.future()] = _Try(task, str(out), reference, lost)

    def _function(self, ray: Any, cpus: float, gpus: float) -> Any:
        if (cpus, gpus) not in self._functions:
            # subtle: no retries of Ray's own, what a half try left is ours to remove; and processes
            # that stay (max_calls), also on a GPU: their models do
            options = {"num_cpus": cpus, "num_gpus": gpus, "max_retries": 0, "max_calls": 0}
            self._functions[cpus, gpus] = ray.remote(**options)(run_task)
        return self._functions[cpus, gpus]

    def _drop(self, in_hand: dict[Future[Outcome], _Try]) -> None:
        """End what is in hand, and wait until nobody works on it."""
        # subtle: also what the thread is about to hand out
        self._thread.submit(_cancel, in_hand).result()
        wait(in_hand, GONE_S)
        in_hand.clear()


def _cancel(in_hand: Mapping[Any, _Try]) -> None:
    for one in in_hand.values():
        with contextlib.suppress(Exception):  # it may have ended, or its machine has
            ray_connection.ray().cancel(one.reference, force=True)


def _is_on_gpu(task: Task) -> bool:
    return bool(getattr(importlib.import_module(task.module), "ON_GPU", False))


def _is_lost(ray: Any, err: Exception) -> bool:
    """Return whether the machine is gone, not only the process."""
    lost = ray.exceptions
    return isinstance(err, lost.NodeDiedError | lost.LocalRayletDiedError | lost.ObjectLostError)


def _without_outcome(ray: Any, task: Task, err: Exception) -> Outcome:
    """Return the outcome of a task whose function did not come back."""
    if isinstance(err, ray.exceptions.RayTaskError | ray.exceptions.RaySystemError):
        # run_one never raises: it was not reached
        reason = f"a machine of the cluster cannot run it ({_last_line(err)}); see docs/ray.md"
        return Outcome(task, "halted", reason=reason, traceback=str(err))
    return Outcome(task, "crashed", reason=f"its process died ({_first_line(err)})")


def _first_line(err: Exception) -> str:
    return (str(err) or type(err).__name__).strip().splitlines()[0]


def _last_line(err: Exception) -> str:
    return (str(err) or type(err).__name__).strip().splitlines()[-1]

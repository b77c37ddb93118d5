"""One round: a new output; run, kill, resume, … until the job ends; then everything is compared.

In:  a `Job` (what is run, and what an undisturbed run made of it) and the number of the round.
Out: a `Round`: what was shot, what it cost, and what was breached.
"""

import importlib
import itertools
import os
import random
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.campaign import checks
from bench.campaign.checks import Key
from bench.campaign.shots import ALL, DRIVER, TIME, WORKER, Shot, shots
from bench.campaign.watching import Watch
from pipeline.checkpoint import STATE_FILE, Checkpoint, State
from pipeline.lock import LOCK_FILE, read_owner
from pipeline.plan import ALL as ALL_RECORDINGS
from tests.sessions import FLOWS, Run, members, start

PATIENCE_S = 300.0  # of a loaded machine; a run of any round here takes a fraction
MOST_RUNS = 30  # a round: one a shot, and one more for a file that was set aside
SET_ASIDE = "set aside after"  # what a run says of a file that was in hand in 3 crashes


@dataclass(frozen=True)
class Job:
    """What all rounds have in common."""

    folder: Path  # of the campaign
    command: str  # "pipeline" or "tests.cheap"
    words: tuple[str, ...]  # the inputs and settings
    seed: int
    most_shots: int  # a round
    two_workers_each: int  # every so many rounds have two workers
    exec_each: int  # every so many rounds go through `python -m`; 0: none
    calm_s: float = 0.0  # what an undisturbed run takes
    points: dict[str, int] = field(default_factory=dict)  # the changes it makes, by kind
    prepare: Callable[[], object] | None = None  # called in each child first

    @property
    def calm(self) -> Path:
        """The output of an undisturbed run."""
        return self.folder / "calm"


@dataclass(frozen=True)
class Kill:
    """A shot that hit."""

    shot: Shot
    step: str  # that was on
    lost: int  # files that were in hand


@dataclass
class Round:
    """What came of a round."""

    number: int
    folder: Path
    workers: int
    by_exec: bool
    kills: list[Kill] = field(default_factory=list)
    runs: int = 0
    taken_up: int = 0
    redone: int = 0  # files that were in hand at a kill, and were taken up again
    adopted: int = 0  # artefacts that stood at a kill without their line, and were kept
    done_again: int = 0
    differences: int = 0
    breaches: list[str] = field(default_factory=list)


def play(job: Job, number: int) -> Round:
    """Play one round; its folder is removed unless something was breached."""
    folder = job.folder / f"round-{number}"
    workers = 2 if number % job.two_workers_each == 1 else 1
    by_exec = job.exec_each > 0 and number % job.exec_each == 0
    game = _Game(job, Round(number, folder, workers, by_exec))
    game.out.mkdir(parents=True)
    game.play()
    if not game.round.breaches:
        shutil.rmtree(folder)
    return game.round


@dataclass(frozen=True)
class _Ended:
    """A run that has ended."""

    pid: int
    code: int
    hit: Shot | None
    said: list[str]
    before: State  # as it was when the run began
    after: State
    taken_up: list[Key]

    @property
    def new(self) -> set[Key]:
        """What it has brought to an end."""
        return self.after.records.keys() - self.before.records.keys()

    @property
    def lost(self) -> set[Key]:
        """What it took up, as it said or its journal says, and did not bring to an end."""
        counts = self.after.attempts
        begun = {key for key in counts if counts[key] > self.before.attempts.get(key, 0)}
        return (begun | set(self.taken_up)) - self.after.records.keys()

    @property
    def step(self) -> str:
        """The step that was on at the end."""
        if self.lost:
            return min(self.lost)[0]
        return f"after {self.taken_up[-1][0]}" if self.taken_up else "start and end"


class _Game:
    """A round while it is played."""

    def __init__(self, job: Job, round_: Round) -> None:
        self.round = round_
        self.out = round_.folder / "out"
        self._job = job
        self._rng = random.Random(f"{job.seed}/{round_.number}/runs")
        self._lost: set[Key] = set()  # in hand at a kill, and not yet taken up again
        self._sessions: list[int] = []
        self._made_of: dict[Key, set[Key]] = {}  # of steps over all files: what they were made of

    def play(self) -> None:
        """Run until the job is through; then once more; then compare."""
        job, round_ = self._job, self.round
        left = shots(
            job.seed, round_.number, round_.workers, job.points, job.calm_s, job.most_shots
        )
        while self.round.runs < MOST_RUNS and not self.round.breaches:
            ended = self._one_run(next(left, None))
            if ended.code == 0 and not self.round.breaches:
                return self._compare()
        if not self.round.breaches:
            self._breach(f"not through after {MOST_RUNS} runs")
        return None

    def _compare(self) -> None:
        again = self._one_run(None)
        if again.taken_up or not any("Nothing to do" in line for line in again.said):
            self._breach("a run after the end does not say 'Nothing to do'")
        found = checks.of_the_end(self.out, self._job.calm)
        self.round.differences += len(found)
        self.round.breaches += [*checks.orphans(self._sessions), *found]

    def _one_run(self, shot: Shot | None) -> _Ended:
        """Start or resume, shoot, and look at what is left."""
        before = Checkpoint.peek(self.out)
        watch = Watch(self.out)
        run = self._start()
        hit = self._shoot(run, shot, watch) if shot else None
        watch.close()
        if run.wait(PATIENCE_S) is None:
            run.kill_all()
            self._breach("hangs")
        ended = self._ended(run, hit, before)
        self._look_at(ended)
        if hit and self._rng.random() < 0.5:  # else the next run meets what is left of this one
            self.round.breaches += checks.orphans([run.pid])
        return ended

    def _start(self) -> Run:
        job, round_ = self._job, self.round
        words = [*job.words, "--resume", "--output", self.out, "--workers", round_.workers]
        said = round_.folder / f"run-{round_.runs:02}.log"
        environment = {"KOKORO_CHECKPOINT_INTERVAL": self._rng.choice(("1", "10"))}
        run = start(
            job.command, words, said,
            environment=environment, prepare=job.prepare, by_exec=round_.by_exec,
        )  # fmt: skip
        self._sessions.append(run.pid)
        round_.runs += 1
        return run

    def _shoot(self, run: Run, shot: Shot, watch: Watch) -> Shot | None:
        """Wait for the moment and shoot; return what was hit, None if the run ended before."""
        if not _comes(run, shot, watch) or run.ends_within(0.0):
            return None
        if shot.victim == WORKER:
            workers = [pid for pid, words in members(run.pid) if "spawn_main" in words]
            if not workers:
                shot = replace(shot, victim=DRIVER)
            elif not _kill(self._rng.choice(workers)):
                return None
        if shot.victim == DRIVER:
            run.kill(shot.signum)
        elif shot.victim == ALL:
            run.kill_all()
        return shot

    def _ended(self, run: Run, hit: Shot | None, before: State) -> _Ended:
        code = run.wait(PATIENCE_S)
        state = self.out / STATE_FILE
        if hit and state.exists():
            shutil.copyfile(state, run.said.with_suffix(".state.yaml"))
        self.round.breaches += checks.of_the_state(self.out)
        said = run.said.read_text(encoding="utf-8", errors="replace").splitlines()
        after = Checkpoint.peek(self.out)
        keys = list(keys_taken_up(said, self._job.command))
        code = -signal.SIGKILL if code is None else code
        return _Ended(run.pid, code, hit, said, before, after, keys)

    def _look_at(self, ended: _Ended) -> None:
        round_ = self.round
        expected = _expected_codes(ended)
        if ended.code not in expected:
            self._breach(f"exit code {ended.code}, not {expected}: {ended.said[-5:]}")
        done_again = self._done_again(ended)
        if done_again:
            self._breach(f"done files processed again: {sorted(done_again)}")
        if forgotten := checks.done(ended.before) - ended.after.records.keys():
            self._breach(f"done files forgotten: {sorted(forgotten)}")
        if len(ended.lost) > round_.workers:
            self._breach(f"{len(ended.lost)} files lost, {round_.workers} workers")
        if ended.code == 128 + signal.SIGTERM:
            self._look_at_a_stop(ended)
        round_.taken_up += len(ended.taken_up)
        round_.done_again += len(done_again)
        round_.redone += len(self._lost.intersection(ended.taken_up))
        round_.adopted += len(self._lost & ended.new - set(ended.taken_up))
        self._lost = self._lost - set(ended.taken_up) - ended.new | ended.lost
        self._remember_what_it_made(ended)
        if ended.hit:
            round_.kills.append(Kill(ended.hit, ended.step, len(ended.lost)))

    def _done_again(self, ended: _Ended) -> set[Key]:
        """Return what it took up although it was done, and what it is made from had not changed.

        A file that was set aside and comes back changes what the steps over all files read.
        """
        again = checks.done(ended.before).intersection(ended.taken_up)
        came_back = bool(ended.before.failures())
        return {
            key for key in again
            if key[1] != ALL_RECORDINGS
            or (not came_back and self._made_of.get(key) == self._below(key, ended.before))
        }  # fmt: skip

    def _remember_what_it_made(self, ended: _Ended) -> None:
        for key in checks.done(ended.after):
            is_new = ended.after.records[key] != ended.before.records.get(key)
            if key[1] == ALL_RECORDINGS and is_new:
                self._made_of[key] = self._below(key, ended.after)

    def _below(self, key: Key, state: State) -> set[Key]:
        """Return what is done in the steps before that of `key`."""
        steps = [step.name for step in FLOWS[self._job.command]]
        before = steps[: steps.index(key[0])]
        return {each for each in checks.done(state) if each[0] in before}

    def _look_at_a_stop(self, ended: _Ended) -> None:
        """A stop on request is no crash: nothing is held against a file, and the lock is gone.

        Its own lock: SIGTERM may come before it has taken over the one that a crash left.
        """
        owner = read_owner(self.out / LOCK_FILE)
        if owner is not None and owner.pid == ended.pid:
            self._breach("a lock is left after SIGTERM")
        before, after = ended.before.attempts, ended.after.attempts
        if any(count > before.get(key, 0) for key, count in after.items()):
            self._breach(f"SIGTERM counts as a crash of {after}, before {before}")

    def _breach(self, what: str) -> None:
        self.round.breaches.append(f"run {self.round.runs - 1}: {what}")


def _comes(run: Run, shot: Shot, watch: Watch) -> bool:
    """Wait until a moment comes; return False if the run ended before it."""
    moment = shot.moment
    if moment.kind != TIME:
        changes = (kind for kind in watch.changes(run.pidfd, PATIENCE_S) if kind == moment.kind)
        if next(itertools.islice(changes, moment.count - 1, None), None) is None:
            return False
    return moment.delay_s == 0.0 or not run.ends_within(moment.delay_s)


def _kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def _expected_codes(ended: _Ended) -> set[int]:
    """Return the exit codes that a run may end with."""
    codes = {0}
    if any(SET_ASIDE in line for line in ended.said):
        codes |= {1, 3}
    if ended.hit and ended.hit.victim != WORKER:
        codes.add(-ended.hit.signum)  # SIGTERM too, before the run has come to say otherwise
        codes |= {128 + signal.SIGTERM} if ended.hit.signum == signal.SIGTERM else set()
    return codes


def keys_taken_up(said: list[str], command: str) -> Iterator[Key]:
    """Yield what a run says it worked on."""
    steps = {step.doing: step for step in FLOWS[command]}
    for line in said:
        words, colon, what = line.partition(": ")
        if colon and words in steps:
            step = steps[words]
            collective = getattr(importlib.import_module(step.module), "COLLECTIVE", False)
            yield step.name, ALL_RECORDINGS if collective else what

"""Whatever happens to an output folder, in whatever order, its next undisturbed run mends it.

Hypothesis makes up stories of runs, crashes at any change of the disk, stops, and of what people
and disks do in between: recordings come, change and go; artefacts, clips, the state and the
configuration are deleted, emptied, cut or overwritten; the folder is moved; files that are not
ours are put into it. After each run that comes to its end the dataset has the bytes of a new run
over the same recordings. KOKORO_STORIES=1000 explores that many, other ones each time.
"""

import contextlib
import hashlib
import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from bench.campaign import checks
from bench.campaign.rounds import SET_ASIDE, keys_taken_up
from pipeline.checkpoint import RECORD_FILE, STATE_FILE, Checkpoint
from pipeline.dataset import DATASET_INDEX, WORK
from pipeline.lock import LOCK_FILE, read_owner
from pipeline.stored import CONFIG_FILE
from tests.crashing import AtChange
from tests.sessions import Run, start

STORIES, STEPS = 40, 14
PATIENCE_S = 60.0
MOST_RUNS = 8  # until a job is through: a file may have to be set aside and tried again
MOST_CHANGES = 220  # of the disk, by a run over the recordings of a story
NAMES = st.sampled_from("abcd")
# of the same length where they can be: a size must not be what tells them apart
TEXTS = st.sampled_from(("one", "two", "six", "longer", "drop", "boom", "late"))
HURTS = st.sampled_from(("delete", "empty", "change"))
FOREIGN = ("notes.txt", "wavs/mine.wav", "wavs/mine.txt", "kokoro/train_list.txt")

_fresh: dict[tuple[tuple[str, str], ...], tuple[int, dict[str, bytes]]] = {}


def fresh(texts: dict[str, str]) -> tuple[int, dict[str, bytes]]:
    """Return (exit code, dataset) of a new, undisturbed run over recordings."""
    key = tuple(sorted(texts.items()))
    if key not in _fresh:
        with tempfile.TemporaryDirectory() as folder:
            inputs, out = Path(folder) / "in", Path(folder) / "out"
            write_texts(inputs, texts)
            run = start("tests.cheap", [inputs, "--output", out], Path(folder) / "log")
            _fresh[key] = run.wait(PATIENCE_S), dataset(out)
    return _fresh[key]


def write_texts(folder: Path, texts: dict[str, str]) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.wav").write_text(text)


def dataset(out: Path) -> dict[str, bytes]:
    """Return every byte of a dataset, by the path in it."""
    return {
        name: data
        for name, data in checks.contents(out).items()
        if not name.startswith((WORK, STATE_FILE)) and name not in FOREIGN
    }


def differences(found: dict[str, bytes], expected: dict[str, bytes]) -> list[str]:
    """Return the names that are not the same in both."""
    return [name for name in sorted(found | expected) if found.get(name) != expected.get(name)]


def hurt(path: Path, how: str) -> None:
    """Delete, empty, or change the bytes of a file."""
    if how == "delete":
        path.unlink()
    else:  # a clip has two names, in work/ and in the dataset: hurt this one only
        data = path.read_bytes()
        path.unlink()
        path.write_bytes(b"" if how == "empty" else bytes(byte ^ 1 for byte in data))


class AnyInterleaving(RuleBasedStateMachine):
    """A story. What is known of the world stands here; what the product knows, on disk."""

    @initialize(texts=st.dictionaries(NAMES, TEXTS, min_size=2))
    def begin(self, texts: dict[str, str]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="interleaving-"))
        self.inputs, self.out = self.folder / "in", self.folder / "out-0"
        write_texts(self.inputs, texts)
        self.texts = dict(texts)  # in the input now
        self.said_once = {digest(text): text for text in texts.values()}
        self.kept: dict[str, str] = {}  # no longer in the input; what was made of them stays
        self.touched = set(texts)  # input or artefact changed since the last end
        self.hurt: set[str] = set()  # damaged, and not made again since
        self.doomed: set[str] = set()  # damaged, and gone from the input: nobody can mend them
        self.has_changed_bytes = False  # which only --verify can see
        self.has_lost_index = False
        self.damaged: set[str] = set()  # of state and configuration, since the last end
        self.foreign: dict[str, bytes] = {}
        self.runs = 0

    def teardown(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- runs ---------------------------------------------------------------------------------

    @rule(names_input=st.booleans())
    def run_to_the_end(self, names_input: bool) -> None:
        for _ in range(MOST_RUNS):
            run, said = self._run(names_input)
            if run.code in (0, 3) and SET_ASIDE not in said:
                break
        self._holds_at_the_end(run, said)

    @rule(change=st.integers(1, MOST_CHANGES), names_input=st.booleans())
    def run_and_crash(self, change: int, names_input: bool) -> None:
        self._run(names_input, AtChange(self.out, change, signal.SIGKILL))

    @rule(change=st.integers(1, MOST_CHANGES), names_input=st.booleans())
    def run_and_stop(self, change: int, names_input: bool) -> None:
        run, said = self._run(names_input, AtChange(self.out, change, signal.SIGTERM))
        assert run.code in (0, 3, 143, -signal.SIGTERM), said
        owner = read_owner(self.out / LOCK_FILE)  # of a crash before, where it came too early
        assert owner is None or owner.pid != run.pid or run.code == -signal.SIGTERM

    # --- what people and disks do in between --------------------------------------------------

    @rule(name=NAMES, text=TEXTS)
    def add_or_change_a_recording(self, name: str, text: str) -> None:
        write_texts(self.inputs, {name: text})
        self.texts[name] = self.said_once[digest(text)] = text
        self.touched.add(name)
        self.kept.pop(name, None)
        self.doomed.discard(name)

    @precondition(lambda self: len(self.texts) > 1)
    @rule(name=NAMES)
    def remove_a_recording(self, name: str) -> None:
        if self.texts.pop(name, None) is None:
            return
        (self.inputs / f"{name}.wav").unlink()
        self.touched.add(name)
        record = Checkpoint.peek(self.out).records.get(("take", f"{name}.wav"))
        if record is not None and record.stamp is not None and record.status != "failed":
            self.kept[name] = self.said_once[record.stamp[2]]
            if name in self.hurt:
                self.doomed.add(name)

    @rule(which=st.integers(0, 100), how=HURTS)
    def hurt_an_artefact(self, which: int, how: str) -> None:
        paths = [
            path
            for path in sorted(self.out.glob(f"{WORK}/*/*/**/*"))
            if path.is_file() and path.name != RECORD_FILE
        ]
        self._hurt_one_of(paths, which, how)

    @rule(which=st.integers(0, 100), how=HURTS)
    def hurt_the_dataset(self, which: int, how: str) -> None:
        paths = [self.out / name for name in sorted(dataset(self.out))] if self.out.exists() else []
        self.has_lost_index |= self._hurt_one_of(paths, which, how) == DATASET_INDEX

    @rule(share=st.floats(0, 1), how=st.sampled_from(("delete", "cut", "garbage")))
    def damage_the_state(self, share: float, how: str) -> None:
        self._damage(self.out / STATE_FILE, share, how)

    @rule(share=st.floats(0, 1), how=st.sampled_from(("delete", "cut", "garbage")))
    def damage_the_configuration(self, share: float, how: str) -> None:
        self._damage(self.out / CONFIG_FILE, share, how)

    @precondition(lambda self: self.out.exists())
    @rule(owner=st.sampled_from((b"", b"12345\n", b"\xff\x00: [", b"pid: 1\nhost: x\n")))
    def leave_a_stale_lock(self, owner: bytes) -> None:
        (self.out / LOCK_FILE).write_bytes(owner)

    @precondition(lambda self: self.out.exists())
    @rule()
    def move_the_output(self) -> None:
        target = self.folder / f"out-{self.runs}-moved"
        shutil.move(self.out, target)
        self.out = target

    @precondition(lambda self: self.out.exists())
    @rule(name=st.sampled_from(FOREIGN), data=st.binary(max_size=4))
    def put_a_file_of_ones_own(self, name: str, data: bytes) -> None:
        (self.out / name).parent.mkdir(exist_ok=True)
        (self.out / name).write_bytes(data)
        self.foreign[name] = data

    # --- how ----------------------------------------------------------------------------------

    def _run(self, names_input: bool, prepare: AtChange | None = None) -> tuple[Run, str]:
        before = checks.done(Checkpoint.peek(self.out))
        was_sound = checks.of_the_state(self.out) == []
        words = ["--resume", "--output", self.out]
        words += ["--verify"] if self.has_changed_bytes else []
        there = (self.out / STATE_FILE).exists() and (self.out / CONFIG_FILE).exists()
        there = there and len(self.damaged) < 2  # else nobody knows the inputs any more
        run = start(
            "tests.cheap",
            words if there and not names_input else [self.inputs, *words],
            self.folder / f"run-{self.runs}.log",
            prepare=prepare,
        )
        self.runs += 1
        assert run.wait(PATIENCE_S) is not None, "hangs"
        said = run.said.read_text()
        assert not was_sound or checks.of_the_state(self.out) == []
        taken_up = set(keys_taken_up(said.splitlines(), "tests.cheap"))
        again = {source.removesuffix(".wav") for _, source in before & taken_up}
        may_be = self.touched | self.hurt
        assert again <= may_be | ({"*"} if may_be else set()), said
        self.hurt -= {source.removesuffix(".wav") for step, source in taken_up if step == "take"}
        return run, said

    def _holds_at_the_end(self, run: Run, said: str) -> None:
        texts = {**self.texts, **{k: v for k, v in self.kept.items() if k not in self.doomed}}
        code, expected = fresh(texts)
        found = dataset(self.out)
        if self.has_lost_index:  # only the index tells a clip of ours from one of the user's
            found = {name: found[name] for name in found if name in expected}
        if not self.doomed:
            assert (run.code, differences(found, expected)) == (code, []), said
        assert run.code in (0, 3), said
        for name, data in expected.items():
            assert name == DATASET_INDEX or found.get(name) == data, said
        assert checks.of_the_state(self.out) == []
        left = [str(path) for path in checks.leftovers(self.out) if "corrupt-" not in path.name]
        assert left == []
        for name, data in self.foreign.items():
            assert (self.out / name).read_bytes() == data
        self.damaged = set()
        if run.code == 0:
            work = (path for path in (self.out / WORK).rglob("*") if path.is_file())
            # a clip that is in no dataset could not be had back from one: it may stay in work/
            assert {path.suffix for path in work} <= {".json", ".wav", ""}, said
            self.touched = set()
            self.has_changed_bytes &= bool(self.hurt)

    def _hurt_one_of(self, paths: list[Path], which: int, how: str) -> str:
        """Hurt a file; return its name."""
        if not paths:
            return ""
        path = paths[which % len(paths)]
        hurt(path, how)
        self.has_changed_bytes |= how == "change"
        names = [name for name in "abcd" if f"{name}-" in str(path.relative_to(self.out))]
        self.touched.update(names or ["*"])
        self.hurt.update(names)
        self.doomed.update(set(names) & self.kept.keys())
        return path.name

    def _damage(self, path: Path, share: float, how: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            data = path.read_bytes()
            self.damaged.add(path.name)
            at = round(share * len(data))
            if how == "delete":
                path.unlink()
            elif how == "cut":
                path.write_bytes(data[:at])
            else:
                path.write_bytes(data[:at] + b"\x00garbage\xff\n: [" + data[at + 20 :])


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


_STORIES = int(os.environ.get("KOKORO_STORIES", "0"))
TestAnyInterleaving = pytest.mark.filterwarnings("ignore")(AnyInterleaving.TestCase)
TestAnyInterleaving.settings = settings(
    max_examples=_STORIES or STORIES,
    stateful_step_count=STEPS,
    derandomize=not _STORIES,
    database=None,
    suppress_health_check=list(HealthCheck),
)

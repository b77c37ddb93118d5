"""What a run says of its progress, in words that the documentation promises."""

import logging
from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.checkpoint import Checkpoint, State
from pipeline.console import LOG_FILE, counted, listed, safe, table
from pipeline.plan import ALL, Decision, Step
from pipeline.summary import dataset_lines

log = logging.getLogger(__name__)

HEAD = ("stage", "done", "skipped", "dropped", "failed", "seconds", "x real time")
FEW = 10  # skipped files are named one by one up to here, then counted


def say_where_it_resumes(state: State, stages: Sequence[str]) -> None:
    """Say what is complete and where the run goes on; nothing for a new run."""
    if not state.records:
        return
    log.info("✅ Completed stages: %s", [stage for stage in stages if stage in state.completed])
    left = [stage for stage in stages if stage not in state.completed]
    if left:
        log.info("🔄 Resuming from: %s", left[0])


def say_skipped(step: Step, skipped: Sequence[Decision]) -> None:
    """Say what is done already: by name for a few, by number for many."""
    level = logging.INFO if len(skipped) <= FEW else logging.DEBUG
    for one in skipped:
        log.log(level, "⏭️ Already %s: %s", step.done, one.source)
        log.debug("⏭️ %s: same bytes, settings and version as when it was %s", one.source, step.done)
    if len(skipped) > FEW:
        log.info("⏭️ Already %s: %d files", step.done, len(skipped))


def say_excluded(listed: Iterable[str], found: Container[str]) -> None:
    """Say which clips of excluded.txt are not there to be taken out."""
    for clip in listed:
        if clip not in found:
            log.warning("⚠️ excluded.txt: %s is not there, or is another clip by now", safe(clip))


def say_summary(
    checkpoint: Checkpoint,
    out: Path,
    stages: Sequence[str],
    lost: Mapping[str, str],
    skipped: Mapping[str, int],
) -> None:
    """Say what came of every stage, what came out, and what was left out, why.

    done + skipped + dropped + failed are all recordings that came to a stage.
    """
    state = checkpoint.state
    rows = [_row(state, stage, skipped.get(stage, 0)) for stage in stages]
    for line in table([HEAD, *rows]):
        log.info("%s", line)
    failed = state.failures()
    _say_list("🚮 %s left out:", {k: v for k, v in lost.items() if k not in failed})
    _say_list("❌ %s failed; --resume tries again:", failed)
    say_dataset(checkpoint, out, stages[-1])


def say_dataset(checkpoint: Checkpoint, out: Path, last: str) -> None:
    """Say what is in the dataset and what is not, and where to look."""
    for line in dataset_lines(out):
        log.info("%s", line)
    record = checkpoint.get(last, ALL)
    facts: Mapping[str, Any] = record.facts if record else {}
    if facts.get("advice"):
        log.warning("⚠️ %s", facts["advice"])
    if too_few := _fewer_than_a_batch(facts, checkpoint.state.configuration):
        log.warning("⚠️ %s", too_few)
    log.info(
        "✅ %s: %s clips, %s minutes. See report.html; %s has the details.",
        out,
        facts.get("clips", 0),
        facts.get("minutes", 0),
        LOG_FILE,
    )


def _fewer_than_a_batch(facts: Mapping[str, Any], configuration: Mapping[str, Any]) -> str:
    """Return what is to be said of a dataset that no trainer makes a step with, else nothing."""
    clips = facts.get("train_clips", 0)
    batch_size = configuration.get("settings", {}).get("batch_size", 0)
    if not 0 < clips < batch_size:
        return ""
    return (
        f"{counted(clips, 'clip')} to train on, fewer than the batch size of {batch_size}: the "
        "trainers make no step; add recordings, or lower their batch_size"
    )


def _row(state: State, stage: str, skipped: int) -> tuple[object, ...]:
    result, seconds = state.results.get(stage, {}), state.timings.get(stage, 0.0)
    done = int(result.get("done", 0))
    sound_s = float(result.get("seconds_of_audio", 0.0))
    speed = f"{sound_s / seconds:.1f}" if seconds and sound_s else "-"
    ends = (max(0, done - skipped), min(done, skipped), *(result.get(k, 0) for k in HEAD[3:5]))
    return (stage, *ends, f"{seconds:.1f}", speed)


def _say_list(head: str, problems: Mapping[str, str]) -> None:
    if problems:
        log.info(head, counted(len(problems), "recording"))
        for line in listed(problems):
            log.info("%s", line)

"""What came in: each recording with its candidate clips and what was rejected before.

In: the items of the job. Out: `Recording`s, and where each second of them went.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.item import Item
from pipeline.stages.build_dataset.text import one_line

NON_SPEECH = "non_speech"
ISOLATED, SURVEY = "isolate_speakers", "isolate_speakers.survey"
SHORTEST_S = 0.001  # times are rounded to milliseconds


@dataclass(frozen=True, slots=True)
class Candidate:
    """A clip as segment_audio made it."""

    id: str
    wav: Path
    source: str
    start_s: float
    end_s: float
    duration_s: float
    text: str
    scores: dict[str, Any]
    speaker: int = 0


@dataclass(frozen=True, slots=True)
class Rejected:
    """A stretch of a recording that was not used, and by which rule. `end_s` None: not known."""

    source: str
    start_s: float
    end_s: float | None
    rule: str
    reason: str
    value: float | str | None = None
    threshold: float | str | None = None
    text: str = ""

    @property
    def duration_s(self) -> float:
        """How long it is, as far as one knows."""
        return 0.0 if self.end_s is None else self.end_s - self.start_s

    def row(self) -> dict[str, Any]:
        """Return the line of rejected.jsonl."""
        return {
            "source": self.source,
            "start": self.start_s,
            "end": self.end_s,
            "rule": self.rule,
            "reason": self.reason,
            "value": self.value,
            "threshold": self.threshold,
            "text": self.text,
        }


@dataclass(frozen=True, slots=True)
class Recording:
    """One source recording. `duration_s` None: it was never decoded."""

    source: str
    duration_s: float | None
    language: str
    dropped: str  # "rule: reason" or ""
    clips: list[Candidate] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    separator: str = ""  # what took the music away; "" if nothing did
    music_left: bool = False  # it was to be taken away, but no weights for that could be had
    is_cut_off: bool = False  # the file promises more sound than there is


def read_recordings(items: Sequence[Item]) -> list[Recording]:
    """Return the recordings in the order of their sources, with texts on one line."""
    return sorted(map(_read, items), key=lambda recording: recording.source)


def _read(item: Item) -> Recording:
    if item.dropped:
        return _dropped(item)
    found = item.load_json("segment_audio", "clips.json")
    clips = [_candidate(item, clip) for clip in found["clips"]]
    rejected = [_rejected(item.source, span) for span in found["rejected"]]
    language = found.get("language") or ""
    isolated, survey = (item.facts.get(step, {}) for step in (ISOLATED, SURVEY))
    separator = str(isolated.get("separator") or "") if isolated.get("separated") else ""
    music_left = bool(survey.get("separation_wanted")) and not survey.get("separated")
    return Recording(
        item.source,
        found["duration_s"],
        language,
        "",
        clips,
        rejected,
        separator,
        music_left,
        is_cut_off=_is_cut_off(item),
    )


def _is_cut_off(item: Item) -> bool:
    return bool(item.facts.get("download_audio", {}).get("truncated"))


def _dropped(item: Item) -> Recording:
    rule, _, reason = item.dropped.partition(": ")
    duration = item.facts.get("download_audio", {}).get("duration_s")
    duration_s = float(duration) if isinstance(duration, int | float) else None
    whole = Rejected(item.source, 0.0, duration_s, rule, one_line(reason or item.dropped))
    cut_off = _is_cut_off(item)
    return Recording(item.source, duration_s, "", item.dropped, [], [whole], is_cut_off=cut_off)


def _candidate(item: Item, clip: dict[str, Any]) -> Candidate:
    similarity = {"similarity": clip["similarity"]} if "similarity" in clip else {}
    return Candidate(
        id=clip["id"],
        wav=item.path("segment_audio", clip["file"]),
        source=item.source,
        start_s=clip["start_s"],
        end_s=clip["end_s"],
        duration_s=clip["duration_s"],
        text=one_line(clip["text"]),
        scores=similarity | clip.get("scores", {}),
        speaker=int(clip.get("speaker", 0)),
    )


def _rejected(source: str, span: dict[str, Any]) -> Rejected:
    return Rejected(
        source=source,
        start_s=span["start_s"],
        end_s=span["end_s"],
        rule=span["rule"],
        reason=one_line(span["reason"]),
        value=span.get("value"),
        threshold=span.get("threshold"),
        text=one_line(span.get("text") or ""),
    )


def gaps(recording: Recording, rejected: Sequence[Rejected]) -> Iterator[Rejected]:
    """Yield the stretches between the clips and the rejected: no word was found there."""
    if recording.dropped or recording.duration_s is None:
        return
    cursor_s = 0.0
    for start_s, end_s, _ in [*_spans(recording, rejected), (recording.duration_s, 0.0, "")]:
        if start_s - cursor_s >= SHORTEST_S / 2:
            begin_s, stop_s = round(cursor_s, 3), round(start_s, 3)
            reason = "no speech of the target speaker was found here"
            yield Rejected(recording.source, begin_s, stop_s, NON_SPEECH, reason)
        cursor_s = max(cursor_s, end_s)


def seconds_by_rule(recording: Recording, rejected: Sequence[Rejected]) -> dict[str, float]:
    """Return rule -> seconds, "" for what was used; each second counts once, so they add up.

    `rejected` holds the gaps too.
    """
    seconds: dict[str, float] = defaultdict(float)
    cursor_s = 0.0
    for start_s, end_s, rule in _spans(recording, rejected):
        seconds[rule] += max(0.0, end_s - max(start_s, cursor_s))
        cursor_s = max(cursor_s, end_s)
    return seconds


def _spans(recording: Recording, rejected: Sequence[Rejected]) -> list[tuple[float, float, str]]:
    """Return (start_s, end_s, rule or "") in order; a clip that was rejected counts so alone."""
    bad = [(r.start_s, r.end_s, r.rule) for r in rejected if r.end_s is not None]
    taken = {(start_s, end_s) for start_s, end_s, _ in bad}
    used = [(c.start_s, c.end_s, "") for c in recording.clips if (c.start_s, c.end_s) not in taken]
    return sorted([*used, *bad])

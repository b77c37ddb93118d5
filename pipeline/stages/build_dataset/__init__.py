"""The dataset folder: phonemes, train and val lists, metadata, card, report, validation.

In: all recordings of the job with their clips, also the dropped and failed ones.
Out: the folder of the README's 'What comes out', checked by `validate` with the trainers' rules.
Left out: cutting clips: segment_audio keeps them far below the trainers' 510 symbols; what has more
all the same is rejected, and said.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pipeline.item import Item, Result, Unusable, setting
from pipeline.stages.build_dataset import lists, overview
from pipeline.stages.build_dataset.audiofolder import write_audiofolder
from pipeline.stages.build_dataset.duplicates import without_copies
from pipeline.stages.build_dataset.phonemes import Fault, Phonemizer, Spoken, require
from pipeline.stages.build_dataset.recordings import (
    Candidate,
    Recording,
    Rejected,
    gaps,
    read_recordings,
)
from pipeline.stages.build_dataset.reference import write_reference
from pipeline.stages.build_dataset.split import val_ids
from pipeline.stages.build_dataset.text import normalise
from pipeline.validate import BATCH_SIZE, describe, errors, most_symbols, validate

VERSION = 15
READS: tuple[str, ...] = (
    "download_audio", "isolate_speakers.survey", "isolate_speakers", "segment_audio",
)  # fmt: skip
COLLECTIVE = True
BY_HAND = True  # what a person excluded is left out

MIN_CLIP_S = 1.0  # the trainer skips a whole batch for a shorter one (validate/wavs.py)
BY_PERSON = Fault("excluded_by_hand", "excluded by hand (excluded.txt)")
BATCH = 256  # texts for one call of espeak-ng: the cost of a call is spread, memory is not felt


@dataclass(frozen=True)
class Params:
    """The settings of the dataset's files; they change no sound."""

    language: str = setting("auto", "language of the speech as a code (en, de, ...); auto detects")
    english_accent: Literal["american", "british"] = setting(
        "american", "accent of the phonemes of English"
    )
    val_percent: float = setting(5.0, "share of the clips kept for validation", unit="%")  # design
    batch_size: int = setting(BATCH_SIZE, "batch size of the training to come, to warn by", least=1)
    seed: int = setting(0, "for everything that chance has a part in")


@dataclass
class Models:
    """The phonemizers by language: which one is needed may show only with the recordings."""

    params: Params
    ready: dict[str, Phonemizer] = field(default_factory=dict)

    def phonemizer(self, language: str) -> Phonemizer:
        """Return the phonemizer of `language`, new for each dataset: it counts words."""
        if language not in self.ready:
            self.ready[language] = Phonemizer(language, self.params.english_accent)
        self.ready[language].heard.clear()
        return self.ready[language]


def check(params: Params) -> None:
    """Raise ValueError for what no dataset can be made with, hours before it would be."""
    if not 0 <= params.val_percent < 100:
        raise ValueError(f"--val-percent {params.val_percent:g}: from 0 to below 100")
    try:
        require(params.language)
    except Unusable as err:
        raise ValueError(f"--language {params.language}: {err}") from err


def load(params: Params, device: str) -> Models:  # noqa: ARG001  (no device: phonemes need none)
    """Return the phonemizers; raise Unusable if the language asked for cannot be written."""
    models = Models(params)
    if params.language != "auto":
        require(params.language)
        models.phonemizer(params.language)
    return models


def process(items: Sequence[Item], out: Path, params: Params, models: Models) -> Result:
    """Write the dataset folder into `out`; raise ValueError if no dataset comes of it."""
    recordings = read_recordings(items)
    language = job_language(recordings, params.language)
    phonemizer = models.phonemizer(language)
    clips, faulty = _wanted_clips(items, recordings, phonemizer)
    rejected = list(_all_rejected(recordings, faulty))
    _require_clips(clips, rejected)
    chosen = val_ids([clip.made for clip in clips], params.val_percent, params.seed)

    lists.write_wavs(out, clips)
    lists.write_metadata(out, clips)
    lists.write_lists(out, clips, chosen)
    lists.write_speakers(out, clips)
    reference_s = write_reference(out, clips)
    lists.write_rejected(out, rejected)
    write_audiofolder(out, clips, chosen, (item.name for item in items))
    has_other_texts = lists.write_ood(out, clips, phonemizer)
    problems = validate(out, params.batch_size)
    if errors(problems):
        raise ValueError(f"the dataset made is not valid:\n{describe(errors(problems))}")
    view = overview.overview(recordings, clips, rejected, chosen, phonemizer)
    view["reference_s"] = reference_s
    view["warnings"] = [*map(str, problems), *overview.remarks(view, has_other_texts)]
    overview.write_pages(out, view)
    return Result("metadata.jsonl", overview.facts(view))


def job_language(recordings: Sequence[Recording], wanted: str) -> str:
    """Return the language of the dataset: the one asked for, else that of most seconds of clips."""
    if wanted != "auto":
        return wanted
    seconds: dict[str, float] = {}
    for recording in recordings:
        duration_s = sum(clip.duration_s for clip in recording.clips)
        seconds[recording.language] = seconds.get(recording.language, 0.0) + duration_s
    seconds.pop("", None)
    return max(sorted(seconds), key=lambda language: seconds[language], default="en")


def _wanted_clips(
    items: Sequence[Item], recordings: Sequence[Recording], phonemizer: Phonemizer
) -> tuple[list[lists.Clip], list[Rejected]]:
    """Return the clips of the dataset, and those that are not in it, with why."""
    clips, faulty = _spoken_clips(recordings, phonemizer)
    clips, copies = without_copies(clips)
    faulty += [_reject(clip.made, fault) for clip, fault in copies]
    # subtle: after the copies, or a copy would come in for what a person took out
    excluded = {clip for item in items for clip in item.excluded}
    faulty += [_reject(clip.made, BY_PERSON) for clip in clips if clip.made.id in excluded]
    return [clip for clip in clips if clip.made.id not in excluded], faulty


def _spoken_clips(
    recordings: Sequence[Recording], phonemizer: Phonemizer
) -> tuple[list[lists.Clip], list[Rejected]]:
    """Return the clips with their phonemes, and those that cannot be used after all."""
    language, british = phonemizer.language, phonemizer.accent == "british"
    clips: list[lists.Clip] = []
    faulty: list[Rejected] = []
    for recording in recordings:
        stranger = bool(recording.language) and recording.language != language
        for first in range(0, len(recording.clips), BATCH):
            batch = recording.clips[first : first + BATCH]
            if stranger:
                reason = f"the recording is in {recording.language}, the dataset in {language}"
                faulty += [_reject(clip, Fault("language", reason)) for clip in batch]
                continue
            texts = [normalise(clip.text, language, british) for clip in batch]
            for clip, text, said in zip(batch, texts, phonemizer.speak(texts), strict=True):
                if fault := _too_short(clip) or said.fault or _too_dense(clip, said):
                    faulty.append(_reject(clip, fault))
                else:
                    clips.append(lists.Clip(clip, text, said.kokoro, said.styletts2))
    return clips, faulty


def _too_short(clip: Candidate) -> Fault | None:
    if clip.duration_s >= MIN_CLIP_S:
        return None
    reason = f"{clip.duration_s:.2f} s is under {MIN_CLIP_S:.0f} s"
    return Fault("too_short_for_trainer", reason, clip.duration_s, MIN_CLIP_S)


def _too_dense(clip: Candidate, said: Spoken) -> Fault | None:
    count, most = max(len(said.kokoro), len(said.styletts2)), most_symbols(clip.duration_s)
    if count <= most:
        return None
    reason = f"{count} symbols in {clip.duration_s:.2f} s, the trainer can align {most}"
    return Fault("too_many_phonemes_for_length", reason, count, most)


def _reject(clip: Candidate, fault: Fault) -> Rejected:
    where = (clip.source, clip.start_s, clip.end_s)
    return Rejected(*where, fault.rule, fault.reason, fault.value, fault.threshold, clip.text)


def _all_rejected(
    recordings: Sequence[Recording], faulty: Sequence[Rejected]
) -> Iterator[Rejected]:
    """Yield every stretch that was not used, recording by recording, in the order of time."""
    by_source: dict[str, list[Rejected]] = {}
    for one in faulty:
        by_source.setdefault(one.source, []).append(one)
    for recording in recordings:
        known = [*recording.rejected, *by_source.get(recording.source, [])]
        found = [*known, *gaps(recording, known)]
        yield from sorted(found, key=lambda one: (one.start_s, one.end_s or 0.0))


def _require_clips(clips: Sequence[lists.Clip], rejected: Sequence[Rejected]) -> None:
    if len(clips) < 2:
        reasons = "; ".join(overview.top_rules(rejected)) or "there were no recordings"
        raise ValueError(
            f"{len(clips)} clips passed, a train and a val list need 2 or more: {reasons};"
            " add recordings, or begin anew with other settings (--force-restart)"
        )

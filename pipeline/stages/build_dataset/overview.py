"""What happened to the recordings, counted: for the report, the dataset card and the facts."""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline import audio
from pipeline.report import doubts, render_report, write_spectrograms
from pipeline.report.spectrogram import MOST_CLIPS
from pipeline.stages.build_dataset.lists import Clip
from pipeline.stages.build_dataset.phonemes import ESPEAK_VOICES, NEEDS_EXTRAS, Phonemizer
from pipeline.stages.build_dataset.recordings import (
    NON_SPEECH,
    Recording,
    Rejected,
    seconds_by_rule,
)
from pipeline.stages.build_dataset.remedies import remedy
from pipeline.stages.build_dataset.trust import advice_on_texts

SHOWN_WORDS = 50
HALTING = 0.05  # share of clips: speech that is free, not read
FEW = 5  # files that are named
NARROW_HZ = 5000.0  # the default of --min-bandwidth-hz; a telephone has 4000
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"))


def overview(
    recordings: Sequence[Recording],
    clips: Sequence[Clip],
    rejected: Sequence[Rejected],
    chosen: set[str],
    phonemizer: Phonemizer,
) -> dict[str, Any]:
    """Return everything that the pages show; seconds add up: duration = used + rejected."""
    by_source: dict[str, list[Rejected]] = defaultdict(list)
    for one in rejected:
        by_source[one.source].append(one)
    used: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        used[clip.made.source].append(clip)
    rows = [_recording(one, by_source[one.source], used[one.source]) for one in recordings]
    pronunciation = phonemizer.heard.facts(
        (clip.normalized for clip in clips),
        (clip.kokoro for clip in clips),
        (clip.styletts2 for clip in clips),
    )
    return {
        "language": phonemizer.language,
        "accent": phonemizer.accent,
        "languages": Counter(one.language or "not known" for one in recordings).most_common(),
        "processing": processing(recordings, clips),
        "recordings": rows,
        "cut_off": [one.source for one in recordings if one.is_cut_off],
        "rules": _rules(rejected),
        "clips": [_clip(clip, chosen) for clip in clips],
        "clip_count": len(clips),
        "speaker_count": len({clip.made.speaker for clip in clips}),
        "train_count": len(clips) - len(chosen),
        "val_count": len(chosen),
        "val_by_recording": len({clip.made.source for clip in clips}) > 1,
        "clip_s": sum(clip.made.duration_s for clip in clips),
        "input_s": sum(row["duration_s"] or 0.0 for row in rows),
        "used_s": sum(row["used_s"] for row in rows),
        "advice": advice_on_texts([clip.made.scores for clip in clips]),
        "guessed": pronunciation["guessed"],
        "pronunciation": pronunciation,
        "phonemes": phonemizer.described(),
        "alphabets": {"own": sorted(ESPEAK_VOICES), "missing": sorted(NEEDS_EXTRAS)},
        "size": next((name for limit, name in _SIZES if len(clips) < limit), "100K<n<1M"),
    }


def processing(recordings: Sequence[Recording], clips: Sequence[Clip]) -> dict[str, Any]:
    """Return how often noise reduction and separation from music stand, and how often they were
    undone because they harmed the voice."""
    from_music = {one.source for one in recordings if one.separator}
    choices: dict[bool, list[bool]] = {False: [], True: []}
    for clip in clips:
        if "unprocessed" in clip.made.scores:
            choices[clip.made.source in from_music].append(clip.made.scores["unprocessed"] > 0)
    kinds = (("noise reduction", choices[False]), ("separation from music", choices[True]))
    return {
        "rows": [(what, len(undone) - sum(undone), sum(undone)) for what, undone in kinds],
        "separators": sorted({one.separator for one in recordings if one.separator}),
        "music_left": [one.source for one in recordings if one.music_left],
    }


def _recording(
    recording: Recording, rejected: Sequence[Rejected], clips: Sequence[Clip]
) -> dict[str, Any]:
    seconds = seconds_by_rule(recording, rejected)
    used_s, non_speech_s = seconds.pop("", 0.0), seconds.pop(NON_SPEECH, 0.0)
    return {
        "source": recording.source,
        "duration_s": recording.duration_s,
        "dropped": recording.dropped,
        "clips": len(clips),
        "spans": _spans(rejected, clips),
        "used_s": used_s,
        "non_speech_s": non_speech_s,
        "rejected_s": sum(seconds.values()),
        "by_rule": sorted(seconds.items(), key=lambda rule: (-rule[1], rule[0])),
    }


def _spans(rejected: Sequence[Rejected], clips: Sequence[Clip]) -> list[dict[str, Any]]:
    """Return the time line of a recording: what was used, what was not and why."""
    found = [
        {"start_s": c.made.start_s, "end_s": c.made.end_s, "kind": "used", "what": c.made.text}
        for c in clips
    ]
    found += [
        {
            "start_s": one.start_s,
            "end_s": one.end_s,
            "kind": "none" if one.rule == NON_SPEECH else "bad",
            "what": f"{one.rule}: {one.reason}",
        }
        for one in rejected
        if one.end_s is not None
    ]
    return sorted(found, key=lambda span: (float(span["start_s"]), float(span["end_s"])))


def _rules(rejected: Sequence[Rejected]) -> list[dict[str, Any]]:
    """Return the rules by the seconds they took, each with the reason that took most of them."""
    seconds: dict[str, float] = defaultdict(float)
    counts: Counter[str] = Counter()
    longest: dict[str, Rejected] = {}
    for one in rejected:
        counts[one.rule] += 1
        seconds[one.rule] += one.duration_s
        if one.duration_s > longest.setdefault(one.rule, one).duration_s:
            longest[one.rule] = one
    order = sorted(counts, key=lambda rule: (-seconds[rule], rule))
    return [
        {
            "rule": rule,
            "count": counts[rule],
            "seconds": seconds[rule],
            "example": longest[rule].reason,
            "remedy": remedy(rule),
        }
        for rule in order
    ]


def top_rules(rejected: Sequence[Rejected], most: int = 5) -> list[str]:
    """Return the rules that took most and what helps, for an error message."""
    return [
        f"{rule['rule']}: {rule['seconds']:.1f} s in {rule['count']} "
        f"{'place' if rule['count'] == 1 else 'places'} ({rule['example']})"
        + (f" → {rule['remedy']}" if rule["remedy"] else "")
        for rule in _rules(rejected)[:most]
    ]


def _clip(clip: Clip, chosen: set[str]) -> dict[str, Any]:
    return {
        "id": clip.made.id,
        "wav": clip.wav,
        "list": "val" if clip.made.id in chosen else "train",
        "duration_s": clip.made.duration_s,
        "source": clip.made.source,
        "text": clip.made.text,
        "normalized": clip.normalized,
        "kokoro": clip.kokoro,
        "scores": clip.made.scores,
    }


def remarks(view: Mapping[str, Any], has_other_texts: bool) -> list[str]:
    """Return what a person should know besides the validation's warnings."""
    found = [view["advice"]] if view["advice"] else []
    found += _narrow(view["clips"])
    found += _halting(view["clips"])
    found += _cut_off(view["cut_off"])
    language, clips = view["language"], view["clip_count"]
    if language != "en" and language not in ESPEAK_VOICES:
        found.append(f"Kokoro-82M has no voice in {language}: the training starts further back")
    if not has_other_texts:
        found.append(f"no texts for OOD_texts.txt in {language}: the dataset's own are in it")
    if not view["val_by_recording"]:
        found.append("all clips are of one recording: train and val are not kept apart by it")
    if (share := view["val_count"] / clips) > 0.2:
        found.append(f"{share:.0%} of the clips are in the val list: recordings are kept whole")
    return found


def _narrow(clips: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return that most clips are by telephone, which --min-bandwidth-hz let in, if they are."""
    known = [c["scores"]["bandwidth_hz"] for c in clips if "bandwidth_hz" in c["scores"]]
    highest_hz = statistics.median(known) if known else NARROW_HZ
    if highest_hz >= NARROW_HZ:
        return []
    return [
        f"most clips have nothing above {highest_hz:.0f} Hz, like a telephone: so will the voice"
    ]


def _halting(clips: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return that many clips hold what whisper leaves out of free speech, if they do."""
    count = sum(c["scores"].get("added_words", 0) > 0 for c in clips)
    if count < HALTING * len(clips):
        return []
    return [
        f'{count} of {len(clips)} clips hold words that whisper leaves out ("um", false starts): '
        "they are in their texts (added_words in metadata.jsonl); a voice without any: exclude"
    ]


def _cut_off(sources: Sequence[str]) -> list[str]:
    """Return that files are broken off, which are used as far as they go, if there are any."""
    if not sources:
        return []
    more = f" and {len(sources) - FEW} more" if len(sources) > FEW else ""
    named = ", ".join(sources[:FEW])
    return [f"broken off, with sound missing at the end: {named}{more}; copy again"]


def facts(view: Mapping[str, Any]) -> dict[str, str | int | float | bool | None]:
    """Return the facts for the state file."""
    words = [word for word, _ in view["guessed"]]
    return {
        "clips": view["clip_count"],
        "minutes": round(view["clip_s"] / 60, 2),
        "train_clips": view["train_count"],
        "val_clips": view["val_count"],
        "recordings": len(view["recordings"]),
        "language": view["language"],
        "used_s": round(view["used_s"], 3),
        "reference_s": round(view["reference_s"], 2),
        "warnings": len(view["warnings"]),
        "advice": view["advice"],
        "guessed_words": len(words),
        "guessed_most": " ".join(words[:20]),
        "foreign_words": len(view["pronunciation"]["foreign"]),
        "unpronounceable_words": len(view["pronunciation"]["unpronounceable"]),
    }


def write_pages(out: Path, view: Mapping[str, Any]) -> None:
    """Write README.md (the dataset card), report.html, and spectrograms.js of its clips."""
    from jinja2 import Environment, FileSystemLoader

    loader = FileSystemLoader(Path(__file__).parent, encoding="utf-8")
    card = Environment(loader=loader, autoescape=False, trim_blocks=True, lstrip_blocks=True)
    text = card.get_template("card.md").render(view)
    (out / "README.md").write_text(text + "\n", encoding="utf-8", newline="\n")
    page = render_report({**view, "guessed": view["guessed"][:SHOWN_WORDS]})
    (out / "report.html").write_text(page, encoding="utf-8", newline="\n")
    write_spectrograms(out / "spectrograms.js", _sounds(out, view["clips"]))


def _sounds(out: Path, clips: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, audio.Samples]]:
    """Yield the clips whose pictures are made, the most doubtful ones where there are too many."""
    doubt = doubts([clip["scores"] for clip in clips])
    order = sorted(range(len(clips)), key=lambda k: (-doubt[k], clips[k]["id"]))
    for k in sorted(order[:MOST_CLIPS]):
        yield clips[k]["id"], audio.read(out / clips[k]["wav"])[0]

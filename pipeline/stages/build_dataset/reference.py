"""kokoro/reference.wav and .txt: the best 20 to 30 s of one voice, and what is said in them.

In:  clips with their scores. Out: one file of 24 kHz mono 16 bit, and its text as it is spoken.
For: tools that make a Kokoro voice from one short recording instead of training, as kvoicewalk
(--target_audio, --target_text; "ideally 20-30 seconds long and a single speaker").
How: each clip is ranked by each of its scores, and the mean of the ranks decides; whole sentences
come first. The chosen ones follow each other as in the recordings. Same clips, same bytes.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import soundfile

from pipeline.stages.build_dataset.lists import Clip

LEAST_S, MOST_S = 20.0, 30.0  # kvoicewalk's README
RATE_HZ = 24_000
WAV, TEXT = "kokoro/reference.wav", "kokoro/reference.txt"
# How good it sounds (DNSMOS), how quiet the room is, how well text and sound agree, how like the
# speaker it is, how sure the recogniser was of its words. More is better in each.
SCORES = ("mos_ovrl", "snr_db", "fit", "similarity", "word_probability")
SENTENCE_ENDS = tuple('.!?…"”»)。！？')


def write_reference(out: Path, clips: Sequence[Clip]) -> float:
    """Write both files into the dataset folder `out`; return the seconds of the recording."""
    chosen = best_clips(clips)
    samples = [soundfile.read(clip.made.wav, dtype="int16")[0] for clip in chosen]
    joined = np.concatenate(samples)
    soundfile.write(out / WAV, joined, RATE_HZ, subtype="PCM_16")
    text = " ".join(clip.normalized for clip in chosen)
    (out / TEXT).write_text(f"{text}\n", encoding="utf-8", newline="\n")
    return len(joined) / RATE_HZ


def best_clips(clips: Sequence[Clip]) -> list[Clip]:
    """Return the best clips of the speaker with most of them: LEAST_S to MOST_S, else all there
    are; in the order of the recordings."""
    mine = _of_main_speaker(clips)
    quality = _quality(mine)
    ranked = sorted(
        mine, key=lambda clip: (not _is_whole(clip), -quality[clip.made.id], clip.made.id)
    )
    chosen: list[Clip] = []
    total_s = 0.0
    for clip in ranked:
        if total_s < LEAST_S and total_s + clip.made.duration_s <= MOST_S:
            chosen.append(clip)
            total_s += clip.made.duration_s
    shortest = min(mine, key=lambda clip: (clip.made.duration_s, clip.made.id))
    return sorted(chosen or [shortest], key=lambda clip: (clip.made.source, clip.made.start_s))


def _of_main_speaker(clips: Sequence[Clip]) -> list[Clip]:
    seconds: dict[int, float] = defaultdict(float)
    for clip in clips:
        seconds[clip.made.speaker] += clip.made.duration_s
    main = min(seconds, key=lambda speaker: (-seconds[speaker], speaker))
    return [clip for clip in clips if clip.made.speaker == main]


def _is_whole(clip: Clip) -> bool:
    return clip.made.text.endswith(SENTENCE_ENDS)


def _quality(clips: Sequence[Clip]) -> Mapping[str, float]:
    """Return id -> 0..1: the mean of a clip's ranks, by the scores that all clips have."""
    ranks: dict[str, list[float]] = {clip.made.id: [] for clip in clips}
    for name in SCORES:
        values = [clip.made.scores.get(name) for clip in clips]
        numbers = sorted(float(v) for v in values if isinstance(v, int | float))
        if len(numbers) == len(clips):
            for clip in clips:
                rank = bisect_left(numbers, float(clip.made.scores[name])) / len(numbers)
                ranks[clip.made.id].append(rank)
    return {name: sum(found) / len(found) if found else 0.0 for name, found in ranks.items()}

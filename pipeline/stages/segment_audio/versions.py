"""The same clip before and after it was processed: the processed one only where it does no harm.

In:  a clip's text, and its sound in two versions: with noise reduced and without; of the voices
separated from music and of the mixture. Out: which one goes into the dataset, or why neither does.
Why two measures: DNSMOS rises with noise reduction while words are lost, so it is asked second;
recognition is asked first, by how well the text fits either sound.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline import audio
from pipeline.audio import OUTPUT_HZ, Samples, Seconds
from pipeline.item import Item

from .envelope import overlapping
from .quality import Failure
from .settings import Params


@dataclass(frozen=True)
class Version:
    """A file that clips can be cut from, on the recording's time line."""

    path: Path
    gain: float = 1.0
    music_db: float | None = None  # level of the music that is still in it, against the speech

    def read(self, start_s: Seconds, end_s: Seconds) -> Samples:
        """Return a part at 24 kHz."""
        samples = audio.read_at(self.path, OUTPUT_HZ, start_s, end_s)
        return samples if self.gain == 1 else (samples * self.gain).clip(-1, 1)


@dataclass(frozen=True)
class Heard:
    """How a text fits a version of its clip, and DNSMOS' overall score of it."""

    fit: float
    mos: float


@dataclass(frozen=True)
class Unprocessed:
    """What there was before noise was reduced and music taken away."""

    plain: Version | None  # None: no noise was reduced
    mixture: Version
    separated: Sequence[tuple[Seconds, Seconds, float]]  # start, end, level of the music in dB

    def of(self, span: tuple[Seconds, Seconds]) -> Version | None:
        """Return the version of a part of the recording; None: it is as it was."""
        if under := [music_db for _, _, music_db in overlapping(self.separated, *span)]:
            return replace(self.mixture, music_db=max(under))
        return self.plain


def unprocessed(item: Item, separated: Sequence[Sequence[float]]) -> Unprocessed:
    """Return what a recording was before, from the parts of it where music was taken away."""
    enhanced: Mapping[str, Any] = item.facts.get("enhance_audio", {})
    gain_db = float(enhanced.get("gain_db", 0.0))
    plain = item.path("enhance_audio", "plain.flac")
    return Unprocessed(
        Version(plain) if plain.is_file() else None,
        Version(item.path("download_audio", "audio.flac"), 10 ** (gain_db / 20)),
        [(start_s, end_s, music_db) for start_s, end_s, music_db in separated],
    )


def is_harmed(processed: Heard, plain: Heard, params: Params) -> bool:
    """Return whether processing cost words, or did not even make the clip sound better."""
    return processed.fit < plain.fit - params.max_harm or processed.mos < plain.mos


def is_loud(mixture: Version, params: Params) -> bool:
    """Return whether music is heard in a mixture, so that it cannot stand in for the voice."""
    return mixture.music_db is not None and -mixture.music_db < params.min_snr_db


def separation_failure(
    mixture: Version, processed: Heard, plain: Heard, params: Params
) -> Failure | None:
    """Return why a separated voice is no use: words were lost, and the mixture has loud music."""
    lost = plain.fit - processed.fit
    if lost <= params.max_separation_harm:
        return None
    reason = (
        f"text fits the separated voice by {processed.fit:.2f}, the mixture by {plain.fit:.2f}, "
        f"which has music {-(mixture.music_db or 0.0):.1f} dB below the speech"
    )
    return Failure("separation_harm", reason, round(lost, 3), params.max_separation_harm)

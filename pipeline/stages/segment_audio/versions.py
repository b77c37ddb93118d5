"""The same clip before and after it was processed: the processed one only where it does no harm.

In:  a clip's text, and its sound in two versions: with noise reduced and without; of the voices
separated from music and of the mixture. Out: which one goes into the dataset, or why neither does.
Why two measures: DNSMOS rises with noise reduction while words are lost, so it is asked second;
recognition is asked first, by how well the text fits either sound.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import audio
from pipeline.audio import OUTPUT_HZ, Samples, Seconds
from pipeline.item import Item

from .quality import Failure
from .settings import Params


@dataclass(frozen=True)
class Version:
    """A file that clips can be cut from, on the recording's time line."""

    path: Path
    gain: float = 1.0
    bed_db: float | None = None  # level of the music that is still in it, against the speech

    def read(self, start_s: Seconds, end_s: Seconds) -> Samples:
        """Return a part at 24 kHz."""
        samples = audio.read_at(self.path, OUTPUT_HZ, start_s, end_s)
        return samples if self.gain == 1 else (samples * self.gain).clip(-1, 1)


@dataclass(frozen=True)
class Heard:
    """How a text fits a version of its clip, and DNSMOS' overall score of it."""

    fit: float
    mos: float


def unprocessed(item: Item) -> Version | None:
    """Return what there was before noise was reduced or music taken away; None: neither was."""
    isolated: Mapping[str, Any] = item.facts.get("isolate_speakers", {})
    if isolated.get("separated"):
        enhanced: Mapping[str, Any] = item.facts.get("enhance_audio", {})
        gain_db = float(enhanced.get("gain_db", 0.0))
        mixture = item.path("download_audio", "audio.flac")
        return Version(mixture, 10 ** (gain_db / 20), float(isolated.get("bed_db", 0.0)))
    plain = item.path("enhance_audio", "plain.flac")
    return Version(plain) if plain.is_file() else None


def is_harmed(processed: Heard, plain: Heard, params: Params) -> bool:
    """Return whether processing cost words, or did not even make the clip sound better."""
    return processed.fit < plain.fit - params.max_harm or processed.mos < plain.mos


def is_loud(mixture: Version, params: Params) -> bool:
    """Return whether music is heard in a mixture, so that it cannot stand in for the voice."""
    return mixture.bed_db is not None and -mixture.bed_db < params.min_snr_db


def separation_failure(
    mixture: Version, processed: Heard, plain: Heard, params: Params
) -> Failure | None:
    """Return why a separated voice is no use: words were lost, and the mixture has loud music."""
    lost = plain.fit - processed.fit
    if lost <= params.max_separation_harm:
        return None
    reason = (
        f"text fits the separated voice by {processed.fit:.2f}, the mixture by {plain.fit:.2f}, "
        f"which has music {-(mixture.bed_db or 0.0):.1f} dB below the speech"
    )
    return Failure("separation_harm", reason, round(lost, 3), params.max_separation_harm)

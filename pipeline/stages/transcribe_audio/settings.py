"""The settings of transcribe_audio and its `agree`, each with where its default comes from."""

from dataclasses import dataclass
from typing import Literal

from pipeline.item import setting


@dataclass(frozen=True)
class Asked:
    """Which whisper is asked, and for which language: what both steps of the stage have to know."""

    whisper_model: str = setting(
        "auto",
        "auto (medium on CUDA, base on a CPU), a name (tiny.en, base, large-v3, ...) or a .pt file",
    )
    asr_engine: Literal["auto", "openai-whisper", "faster-whisper"] = setting(
        "auto",
        "what runs whisper: openai-whisper (and auto), or faster-whisper's CTranslate2, which is "
        "installed with the extra [faster-whisper]; int8 on a CPU",
    )
    language: str = setting("auto", "language of the speech as a code (en, de, ...); auto detects")


@dataclass(frozen=True)
class Params(Asked):
    """Settings; defaults of the fallback are those of whisper's transcribe()."""

    seed: int = setting(0, "for everything that chance has a part in")
    # LJ Speech, 5,856 words, base: with "um, uh, er" in it 3.57% are wrong, without a prompt 3.43%;
    # with the names of 60 clips 3.36 instead of 3.26%, and names that were wrong are right
    initial_prompt: str = setting(
        "",
        'what whisper takes as said before: names in their spelling, or "Um, uh, er" for speech '
        "that is to be written with them",
    )
    # LJ Speech, 5,856 words, base: beams of 5 have 3.4% of words wrong, greedy 3.5%; the difference
    # is likely between -0.48 and +0.35 points. They take 1.5 times as long, and skip more sentences
    # where the voice changes within a window: 8 of 80, greedy 2 (docs/transcription.md).
    beam_size: int = setting(1, "hypotheses that whisper follows at a time; 1 is greedy")
    transcribe_batch: int = setting(8, "windows that are decoded at a time")
    window_s: float = setting(28.0, "longest stretch of speech decoded in one go", unit="s")
    window_pause_s: float = setting(1.0, "longer pauses are shortened for whisper", unit="s")
    fallback_compression_ratio: float = setting(2.4, "text that compresses better is a loop")
    fallback_logprob: float = setting(-1.0, "text less probable is decoded again")
    silence_no_speech: float = setting(0.6, "improbable text above this is silence")

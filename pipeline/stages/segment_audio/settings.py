"""The settings of segment_audio, each with where its default comes from."""

from dataclasses import dataclass

from pipeline.item import setting


@dataclass(frozen=True)
class Params:
    """How clips are cut, and which are good enough."""

    # the design's choice; StyleTTS2's trainer needs at least 1 s
    min_clip_s: float = setting(2.0, "shortest clip, with its silence (1 or more)", unit="s")
    # at about 15 characters/s this stays far below the trainers' 510 phoneme symbols
    max_clip_s: float = setting(12.0, "longest clip, with its silence", unit="s")
    # the trainers need 100 ms of silence after the last word; twice that is safe
    edge_silence_s: float = setting(0.2, "silence at both ends of a clip", unit="s")
    # the design's choice. Not proof of a pause: a closure of 120 ms within a word was seen in LJ
    # Speech, so edges.py also asks the words' times and the voice activity
    min_pause_s: float = setting(0.1, "shortest quiet that counts as a pause", unit="s")
    # a silence this long inside a clip teaches a voice to stall
    max_pause_s: float = setting(1.0, "longest pause inside a clip", unit="s")
    language: str = setting("auto", "language of the speech as a code (en, de, ...); auto detects")
    # Emilia
    min_language_probability: float = setting(0.8, "least trust in the detected language")
    # kikiri; whisper's own limit too
    min_avg_logprob: float = setting(-1.0, "least mean log probability of the text")
    # kikiri; whisper's own limit is 0.6
    max_no_speech: float = setting(0.5, "highest probability that nobody speaks")
    # whisper's own limit
    max_compression_ratio: float = setting(2.4, "a text that compresses better repeats itself")
    # kikiri
    min_words: int = setting(3, "fewest words in a clip")
    # NeMo Curator
    min_unique_words: float = setting(0.4, "least share of different words in a clip")
    max_chars_per_s: float = setting(40.0, "fastest speech", unit="characters/s")
    max_word_chars: int = setting(24, "longest word", unit="characters")
    # measured: LJ Speech clips have 0.70-0.99 with base; what whisper guesses is below
    min_word_probability: float = setting(0.5, "least mean probability of a clip's words")
    # Resemblyzer: 0.89 the same speaker, 0.55 another; isolate_speakers judged every span already,
    # this only catches a clip that is plainly somebody else
    min_clip_similarity: float = setting(0.6, "least likeness to the target speaker")
    # VoxKitchen
    min_snr_db: float = setting(15.0, "least distance of speech and pauses", unit="dB")
    # VoxKitchen
    max_peak: float = setting(0.99, "flat tops at or above this are clipping", unit="of full scale")
    # more than a cough's worth of sound that no word accounts for: words are missing in the text
    max_untranscribed_s: float = setting(0.6, "most sound without words in a sentence", unit="s")

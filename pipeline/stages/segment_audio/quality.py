"""Which clips can be trusted: rules, each with a measured value and a threshold.

In:  the words of a run and what was measured on its sound. Out: the first rule that fails, or None.
Where the rules come from: Emilia (language, seconds per letter within the quartiles), NeMo
Curator (unique words, characters per second, long words), kikiri (avg_logprob, no_speech, words),
VoxKitchen (SNR, clipping), whisper (compression ratio, and how no_speech is read).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.audio import Samples

from .settings import Params
from .words import Word, text_of, tokens

# What whisper writes over silence, music and applause, from its training subtitles.
HALLUCINATIONS = (
    "thanks for watching",
    "thank you for watching",
    "please subscribe",
    "subscribe to my channel",
    "like and subscribe",
    "subtitles by",
    "subtitled by",
    "captions by",
    "captioning by",
    "transcription by",
    "transcribed by",
    "translated by",
    "amara.org",
    "sous-titres réalisés",
    "untertitel im auftrag",
    "untertitelung des zdf",
    "subtítulos realizados",
    "sottotitoli creati",
    "legendas pela comunidade",
    "ご視聴ありがとうございました",
    "请不吝点赞",
    "字幕by",
    "♪",
    "♫",
)
# whisper itself believes no_speech only where the text is also unlikely; its limit there is the
# rejection's own (-1), so no_speech would never decide: half of it is asked for here.
NO_SPEECH_LOGPROB_SHARE = 0.5
LEAST_WORDS_FOR_UNIQUE = 8  # "no, no, no" is speech; a loop is longer
LEAST_CLIPS_FOR_QUARTILES = 20  # from fewer, quartiles are chance
LEAST_CLIPS_FOR_MIDDLE = 5  # the median of fewer is one of them
QUARTILE_REACH = 1.5  # Emilia, after Tukey
# Of the median; less is chance, or a fence around an even reader's trifles. LJ Speech (94 clips by
# one reader) has 0.10-0.14 and its clips are 0.85-1.23 of the median; of 20 of them the quartiles
# alone drop up to 33% of good speech (mean 5%), with this up to 5% (mean below 0.01%).
LEAST_QUARTILE_RANGE = 0.15
CLIPPED_RUN = 3  # equal samples at full scale one after the other: cut off, not just loud


@dataclass(frozen=True)
class Failure:
    """A rule that a span broke."""

    rule: str
    reason: str
    value: float | str | None = None
    threshold: float | str | None = None


def too_low(rule: str, what: str, value: float, least: float, unit: str = "") -> Failure | None:
    """Return the failure if `value` is below `least`."""
    if value >= least:
        return None
    reason = f"{what} {value:.4g}{unit} is below {least:.4g}{unit}"
    return Failure(rule, reason, round(value, 4), least)


def too_high(rule: str, what: str, value: float, most: float, unit: str = "") -> Failure | None:
    """Return the failure if `value` is above `most`."""
    if value <= most:
        return None
    reason = f"{what} {value:.4g}{unit} is above {most:.4g}{unit}"
    return Failure(rule, reason, round(value, 4), most)


def language_failure(language: str, probability: float, params: Params) -> Failure | None:
    """Return why the recording's language is wrong or uncertain, if it is."""
    if params.language == "auto":
        name = f"probability of {language}, the likeliest language,"
        failure = too_low("language", name, probability, params.min_language_probability)
        advice = f"; --language {language} if it is"
        return replace(failure, reason=failure.reason + advice) if failure else None
    if language.split("-")[0] == params.language.split("-")[0]:
        return None
    reason = f"spoken in {language}, not in {params.language}"
    return Failure("language", reason, language, params.language)


def words_failure(words: Sequence[Word], params: Params) -> Failure | None:
    """Return why the words of one sentence cannot be trusted: its neighbours still may be."""
    return next((failure for failure in _words_failures(words, params) if failure), None)


def _words_failures(words: Sequence[Word], params: Params) -> Iterator[Failure | None]:
    text = text_of(words)
    if not tokens(text):
        yield Failure("empty_text", "there is nothing to read", text)
    if phrase := next((p for p in HALLUCINATIONS if p in text.lower()), None):
        yield Failure("hallucination", f"whisper writes {phrase!r} over silence", phrase)
    logprob = _mean([word.avg_logprob for word in words])
    yield too_low("avg_logprob", "mean log probability", logprob, params.min_avg_logprob)
    if logprob < params.min_avg_logprob * NO_SPEECH_LOGPROB_SHARE:
        no_speech = _mean([word.no_speech_prob for word in words])
        yield too_high("no_speech", "probability of no speech", no_speech, params.max_no_speech)
    ratio = max(word.compression_ratio for word in words)
    yield too_high("repetition", "compression ratio", ratio, params.max_compression_ratio)


def clip_failure(
    words: Sequence[Word], scores: Mapping[str, float], clipped_run: int, params: Params
) -> Failure | None:
    """Return why a clip is not fit for a dataset, if it is not."""
    return next((f for f in _clip_failures(words, scores, clipped_run, params) if f), None)


def _clip_failures(
    words: Sequence[Word], scores: Mapping[str, float], clipped_run: int, params: Params
) -> Iterator[Failure | None]:
    said = tokens(text_of(words))
    yield too_low("few_words", "number of words", len(said), params.min_words)
    longest = max(map(len, said), default=0)
    yield too_high("long_word", "letters in a word", longest, params.max_word_chars)
    if len(said) >= LEAST_WORDS_FOR_UNIQUE:
        unique = len(set(said)) / len(said)
        yield too_low("repetition", "share of different words", unique, params.min_unique_words)
    p, s = params, scores
    name = "mean word probability"
    yield too_low("word_probability", name, s["word_probability"], p.min_word_probability)
    yield too_high("speech_rate", "characters/s", s["chars_per_s"], p.max_chars_per_s)
    yield too_low("speaker", "similarity", s["similarity"], p.min_clip_similarity)
    yield too_low("snr", "SNR", s["snr_db"], p.min_snr_db, " dB")
    yield too_high("clipping", "flat samples at full scale", clipped_run, CLIPPED_RUN - 1)


def sound_failure(scores: Mapping[str, float], params: Params) -> Failure | None:
    """Return why a clip does not sound good enough, if it does not."""
    s, p = scores, params
    narrow = too_low("bandwidth", "bandwidth", s["bandwidth_hz"], p.min_bandwidth_hz, " Hz")
    offset = too_high("dc_offset", "constant part", s["dc_offset"], p.max_dc_offset)
    unclean = too_low("mos", "DNSMOS OVRL", s["mos_ovrl"], p.min_mos) if "mos_ovrl" in s else None
    return narrow or offset or unclean


def fit_failure(mean: float, worst: float, doubt: Failure | None, params: Params) -> Failure | None:
    """Return why a text does not fit its sound: more strictly where there was a doubt before."""
    if doubt and worst < params.doubtful_token_fit:
        return doubt
    name = "log probability of the text given the clip"
    bad = too_low("text_fit", name, mean, params.min_fit)
    return bad or too_low("text_fit", "of its least likely token", worst, params.min_token_fit)


def middle(values: Sequence[float]) -> float | None:
    """Return the median of enough clips to say what is usual, else None."""
    return float(np.median(values)) if len(values) >= LEAST_CLIPS_FOR_MIDDLE else None


def loudness_failure(lufs: float, usual: float | None, params: Params) -> Failure | None:
    """Return the failure of a clip that is much louder or quieter than the others."""
    if usual is None:
        return None
    off = round(abs(lufs - usual), 2)
    name = f"{lufs:.1f} LUFS, others {usual:.1f}: the difference"
    return too_high("loudness", name, off, params.max_loudness_off_lu, " LU")


def rate_limits(seconds_per_letter: Sequence[float]) -> tuple[float, float] | None:
    """Return (least, most) seconds per letter by 1.5 quartile ranges; None for few clips."""
    if len(seconds_per_letter) < LEAST_CLIPS_FOR_QUARTILES:
        return None
    low, middle, high = np.percentile(seconds_per_letter, [25, 50, 75])
    reach = QUARTILE_REACH * max(high - low, LEAST_QUARTILE_RANGE * middle)
    return float(low - reach), float(high + reach)


def rate_failure(seconds_per_letter: float, limits: tuple[float, float] | None) -> Failure | None:
    """Return the failure of a clip that is spoken much faster or slower than the others."""
    if limits is None:
        return None
    name = "seconds per letter"
    low = too_low("rate_outlier", name, seconds_per_letter, round(limits[0], 4))
    return low or too_high("rate_outlier", name, seconds_per_letter, round(limits[1], 4))


def clipped_run(samples: Samples, full_scale: float) -> int:
    """Return the length of the longest run of equal samples at or above `full_scale`.

    A loud sine is no two equal samples at its crest; a clipped one is flat there.
    """
    if not len(samples):
        return 0
    edges = np.flatnonzero(np.diff(samples) != 0) + 1
    starts = np.concatenate(([0], edges))
    lengths = np.diff(np.concatenate((starts, [len(samples)])))
    return int(np.max(lengths[np.abs(samples[starts]) >= full_scale], initial=0))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0

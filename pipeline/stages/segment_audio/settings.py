"""The settings of segment_audio, each with where its default comes from."""

from dataclasses import dataclass
from typing import Literal

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
    # Emilia, for whole recordings. Of 120 clips of LJ Speech and LibriSpeech 8% are less surely
    # English to base, so that below it the text in the other language must also be likelier
    min_clip_language: float = setting(
        0.8,
        "a sentence less surely in the recording's language is dropped if its text is likelier in "
        "another (0: not asked; English-only models cannot tell)",
    )
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
    # of 2.4 s 99% are 0.38 and more like another utterance of the speaker; isolate_speakers judged
    # every span already, this only catches a clip that is plainly somebody else
    min_clip_similarity: float = setting(0.38, "least likeness to the target speaker")
    # VoxKitchen
    min_snr_db: float = setting(15.0, "least distance of speech and pauses", unit="dB")
    # VoxKitchen
    max_peak: float = setting(0.99, "flat tops at or above this are clipping", unit="of full scale")
    # more than a cough's worth of sound that no word accounts for: words are missing in the text
    max_untranscribed_s: float = setting(
        0.6, "more sound without words in a sentence is doubtful: the text must fit well", unit="s"
    )
    # the fit of the text tells omissions that are shorter; this is a whole phrase
    max_unsaid_s: float = setting(2.5, "most sound without words in a sentence", unit="s")
    whisper_model: str = setting(
        "auto",
        "auto (medium on CUDA, base on a CPU), a name (tiny.en, base, large-v3, ...) or a .pt file",
    )
    initial_prompt: str = setting(
        "",
        'what whisper takes as said before: names in their spelling, or "Um, uh, er" for speech '
        "that is to be written with them",
    )
    # measured (base, 70 clips of LJ Speech and LibriSpeech, clean and with noise): words at the
    # wrong side of a cut are found, 4 of 4, and no other moved
    text_check: Literal["on", "off"] = setting(
        "on", "hold every clip's text against its own sound with whisper"
    )
    # the same clips: mean log probability of the tokens of a text given the clip is above -0.9 in
    # 95%, and above -1.3 in 99%
    min_fit: float = setting(-1.3, "least mean log probability of a text given the clip's sound")
    # the least likely token is above -8 in 98%; with one word left out of the text it is below in
    # 75%, with two in 97%
    min_token_fit: float = setting(-8.0, "least log probability of any token of a text")
    # where sound without words is in doubt too: 86% are above -4, with a word left out 1% are
    doubtful_token_fit: float = setting(-4.0, "the same for a sentence with too much sound")
    # nats a token, of the text given the clip. Words wrong in LJ Speech with pink noise, by base,
    # tiny.en, unprocessed and at 0.02: 10 dB 15 and 14, 20 and 16 in 397; 20 dB 16 and 18, 14
    # and 15 in 410. Other draws (bench/quality.py's mixes, 38 clips), unprocessed, 0.02, 0: 10 dB
    # 17 15 15, 18 16 17 in 349; 20 dB 13 13 13, 12 13 12 in 346. Of these 5 stay unprocessed at
    # 0.02, 27 at 0; DNSMOS 2.45 2.66 2.52: at 0 as many words are wrong, and more noise stays
    max_harm: float = setting(
        0.02, "a clip stays unprocessed where noise reduction makes its text fit so much worse"
    )
    # our choice, not measured: the mean of a good text is -0.19, -0.5 is one in ten
    max_separation_harm: float = setting(
        0.3, "a clip is dropped where separation from loud music makes its text fit so much worse"
    )
    verify_with: str = setting(
        "", "second opinion: a whisper model; clips whose texts differ too much are dropped"
    )
    # a share of words. bench/second_opinion.py, 80 clips of LJ Speech by base, asked: tiny.en. Of
    # the texts with more than one word in 15 wrong 48% are above, of the others 5% (noise 10 dB
    # below: 54 and 12%); words wrong 4.3%, in what is kept 2.5%. 0.05: 87 and 16%; 0.2: 17 and 0%
    max_verify_wer: float = setting(0.1, "most difference of the second opinion")
    # DNSMOS P.835. Emilia asks for 3.0, but clean synthetic speech has 2.6 and a historic recording
    # 2.7; noise 10 dB below speech 2.0, at the level of speech 1.7: this drops what nobody can want
    min_mos: float = setting(1.8, "least DNSMOS (OVRL), 1 to 5")
    # a telephone has 3.4 or 4 kHz, the narrowest wideband 7: measured LibriSpeech (MP3) 7.5-7.9,
    # LJ Speech 10.7, AMI 6.9-7.7
    min_bandwidth_hz: float = setting(
        5000.0, "least bandwidth; a telephone has 4000 (0: any)", unit="Hz"
    )
    # the high-pass takes it away; without, it clicks at every joint. LJ Speech has 0.00003
    max_dc_offset: float = setting(0.01, "largest constant part of a clip", unit="of full scale")
    # LJ Speech's clips lie within 2.5 LU of their median, LibriSpeech's within 6
    max_loudness_off_lu: float = setting(
        9.0, "a clip this much louder or quieter than the recording's others is dropped", unit="LU"
    )

"""What a person can do about what was not used, by rule: for the report and for error messages.

In: the name of a rule of rejected.jsonl. Out: a few words, "" where nothing helps or is needed.
"""

_LARGER = "a larger --whisper-model"
_MICROPHONE = "a quieter room, closer to the microphone"

REMEDIES = {
    "too_short": "--min-clip-s 1, for files of single words with --min-words 1",
    "too_long": "a pause between sentences; --max-clip-s",
    "few_words": "--min-words",
    "edge_sound": "a longer pause between sentences, away from the microphone",
    "wordless_sound": "a pause before you laugh or cough",
    "bandwidth": "--min-bandwidth-hz 0 keeps telephone recordings",
    "snr": f"{_MICROPHONE}; --min-snr-db",
    "mos": f"{_MICROPHONE}; --min-mos",
    "clipping": "record with less gain",
    "dc_offset": "another microphone or sound card",
    "loudness": "the same distance from the microphone throughout; --max-loudness-off-lu",
    "language": "--language, if it was heard wrong",
    "speaker": "--target-speaker with a clip of the voice",
    "other_speaker": "--target-speaker with a clip of the voice, if it is the wanted one",
    "several_speakers": "a pause between the speakers",
    "word_probability": _LARGER,
    "avg_logprob": _LARGER,
    "text_fit": _LARGER,
    "untranscribed": _LARGER,
    "repetition": _LARGER,
    "hallucination": _LARGER,
    "second_opinion": f"{_LARGER}; --max-verify-wer",
    "foreign_letters": "--language, if it was heard wrong",
    "separation_harm": "recordings without music",
    "excluded_by_hand": "dataset-pipeline exclude OUT --undo",
}


def remedy(rule: str) -> str:
    """Return what helps against a rule.

    >>> remedy("clipping"), remedy("non_speech")
    ('record with less gain', '')
    """
    return REMEDIES.get(rule, "")

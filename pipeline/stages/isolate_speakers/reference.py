"""The voice of a reference clip, clear and by telephone.

In:  paths of clips of one speaker, in any format. Out: two embeddings (why: `telephone.py`).
Left out: who in the recordings is like it (`agree.py`).
"""

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline import audio
from pipeline.audio import Seconds
from pipeline.ffmpeg import find_ffmpeg
from pipeline.item import Unusable

from . import groups, speech, telephone, voices

LEAST_S: Seconds = 1.6  # of speech: one window. 3 s and more are better (by telephone 0.1% EER)
HOP_S: Seconds = 0.4  # from window to window, as in the survey
MOST_S: Seconds = 600.0  # of a clip: more changes nothing


def clip_paths(text: str) -> list[Path]:
    """Return the paths in a `--target-speaker`: separated by commas, unless that is one file.

    >>> [str(path) for path in clip_paths("a.wav, b.wav")]
    ['a.wav', 'b.wav']
    """
    if Path(text).expanduser().is_file():
        return [Path(text).expanduser()]
    return [Path(part.strip()).expanduser() for part in text.split(",") if part.strip()]


@dataclass(frozen=True)
class Heard:
    """One voice, (192,) each, as clear recordings have it and as telephones do."""

    clear: voices.Embeddings
    by_telephone: voices.Embeddings
    is_clear: bool = True  # False: all clips are by telephone, and both are the same


def check(paths: Sequence[Path]) -> None:
    """Raise ValueError unless each clip is a sound that is long enough; no network is needed.

    Left out: whether somebody speaks in it, which `heard_in` finds.
    """
    with tempfile.TemporaryDirectory() as folder:
        for number, path in enumerate(paths):
            if not path.is_file():
                raise ValueError(f"--target-speaker {path}: there is no such file")
            if not path.stat().st_size:
                raise ValueError(
                    f"--target-speaker {path}: it is empty (0 bytes); give a clip of the speaker"
                )
            _require_length(path, Path(folder) / f"{number}.flac")


def _require_length(path: Path, decoded: Path) -> None:
    try:
        length_s = audio.info(_decoded(path, decoded)).duration_s
    except Unusable as err:
        raise ValueError(str(err)) from err
    if length_s < LEAST_S:
        raise ValueError(
            f"--target-speaker {path}: {length_s:.1f} s of sound, needs {LEAST_S} s of speech; "
            "give a longer clip of the speaker alone"
        )


def heard_in(paths: Sequence[Path], device: str) -> Heard:
    """Return the voice of the clips; Unusable if one cannot be read or has no speech.

    Clear recordings are held against the clear clips; where all are by telephone, against those.
    """
    vad, network = speech.load_network(), voices.load_network(device)
    clear, narrow = [], []
    with tempfile.TemporaryDirectory() as folder:
        for number, path in enumerate(paths):
            clip = _decoded(path, Path(folder) / f"{number}.flac")
            spans = _spans(path, clip, vad)
            is_clear = not telephone.is_by_telephone(clip, spans)
            sounds = [clip, *(_by_telephone(clip) if is_clear else ())]
            found = [_voice(sound, spans, network) for sound in sounds]
            clear += found[:1] if is_clear else []
            narrow.append(groups.centroid(voices.unit(found)))
    by_telephone = groups.centroid(voices.unit(narrow))
    if not clear:
        return Heard(by_telephone, by_telephone, is_clear=False)
    return Heard(groups.centroid(voices.unit(clear)), by_telephone)


def _spans(path: Path, clip: Path, vad: object) -> list[speech.Span]:
    probabilities = speech.speech_probabilities(vad, audio.blocks_at(clip, speech.RATE_HZ))
    spans = speech.speech_spans(probabilities, audio.info(clip).duration_s, speech.SpeechRules())
    if (spoken_s := speech.total_s(spans)) < LEAST_S:
        raise Unusable(
            f"--target-speaker {path}: {spoken_s:.1f} s of speech, needs {LEAST_S} s; "
            "give a longer clip of the speaker alone"
        )
    return spans


def _voice(
    clip: Path, spans: Sequence[speech.Span], network: voices.VoiceNetwork
) -> voices.Embeddings:
    windows = voices.windows(spans, HOP_S)
    return groups.centroid(voices.embed_recording(clip, windows, network))


def _by_telephone(clip: Path) -> list[Path]:
    """Return the clip as telephones would give it."""
    found = []
    for number, sound in enumerate(telephone.through_lines(audio.read(clip)[0])):
        found.append(clip.with_name(f"{clip.stem}-line-{number}.flac"))
        audio.write(found[-1], sound, telephone.RATE_HZ)
    return found


def _decoded(path: Path, target: Path) -> Path:
    """Return a file that can be read in blocks: the first 10 minutes, mono, 16 kHz."""
    if not path.is_file():
        raise Unusable(f"--target-speaker {path}: no such file; give a clip of the speaker alone")
    # "file:": a name like "http:x.wav" or "-i.wav" is a file, and nothing else
    command = [find_ffmpeg(), "-nostdin", "-v", "error", "-i", f"file:{path.resolve()}"]
    command += ["-t", str(MOST_S), "-vn", "-ac", "1", "-ar", str(speech.RATE_HZ), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not target.is_file() or audio.info(target).samples == 0:
        last = (done.stderr.strip().splitlines() or ["no sound in it"])[-1]
        raise Unusable(f"--target-speaker {path}: cannot be read: {last}; re-encode it")
    return target

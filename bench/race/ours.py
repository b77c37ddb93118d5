"""This pipeline's command line, with a clock on what its networks and libraries compute.

    python bench/race/ours.py TIMES.json INPUT --output OUT [flags]

Times are exclusive: weights that are loaded inside a call count as loading. What is in no part is
the pipeline's own: deciding, reading, writing, resampling, measuring, checkpoints.
"""

import functools
import importlib
import json
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))  # for running it as a script

BEGAN = time.perf_counter()
STAGES = "pipeline.stages"
PARTS = {  # what is timed: (module, class or "", functions)
    "start": [
        ("pipeline.executors.task", "", ("load",)),
        (f"{STAGES}.segment_audio.listening", "", ("load_whisper",)),
        (f"{STAGES}.isolate_speakers.survey", "", ("_separator",)),
        (f"{STAGES}.build_dataset", "Models", ("phonemizer",)),
    ],
    "voices": [(f"{STAGES}.isolate_speakers.voices", "", ("embed",))],
    "noise": [("noisereduce", "", ("reduce_noise",))],
    "transcription": [
        (
            f"{STAGES}.transcribe_audio.openai_engine",
            "OpenAiWhisper",
            ("encode", "languages", "decode", "sample", "align"),
        ),
    ],
    "clips heard again": [
        (f"{STAGES}.segment_audio.listening", "Listener", ("features", "fits", "texts")),
    ],
    "voice activity, DNSMOS": [("onnxruntime", "InferenceSession", ("run",))],
    "phonemes": [(f"{STAGES}.build_dataset.phonemes", "Phonemizer", ("speak", "styletts2"))],
}


SEPARATION = {"separation": [("demucs.htdemucs", "HTDemucs", ("forward",))]}


class Clock:
    """Seconds by part, each without what was timed inside it."""

    def __init__(self) -> None:
        self.parts_s: dict[str, float] = defaultdict(float)
        self._inner = [0.0]

    def on(self, part: str, function: Any) -> Any:
        """Return the function with its seconds added to a part."""

        @functools.wraps(function)
        def timed(*args: Any, **named: Any) -> Any:
            began = time.perf_counter()
            self._inner.append(0.0)
            try:
                return function(*args, **named)
            finally:
                whole = time.perf_counter() - began
                self.parts_s[part] += whole - self._inner.pop()
                self._inner[-1] += whole

        return timed


def put_on(clock: Clock, part: str, place: Any, functions: Sequence[str]) -> None:
    """Replace functions of a module or class by ones that are timed."""
    for name in functions:
        setattr(place, name, clock.on(part, getattr(place, name)))


def main() -> int:
    """Run the pipeline; return its exit code."""
    from bench.race import separator
    from pipeline import cli

    clock, timed = Clock(), PARTS
    if "--separation" in sys.argv:  # importing demucs costs a second
        separator.hand_on()
        timed = PARTS | SEPARATION
    for part, places in timed.items():
        for module, owner, functions in places:
            found = importlib.import_module(module)
            put_on(clock, part, getattr(found, owner) if owner else found, functions)
    clock.parts_s["start"] += time.perf_counter() - BEGAN
    code = cli.main(sys.argv[2:])
    times = {"wall_s": time.perf_counter() - BEGAN, "parts_s": clock.parts_s}
    Path(sys.argv[1]).write_text(json.dumps(times), encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())

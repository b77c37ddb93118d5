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
from collections.abc import Callable, Sequence
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


# networks that are made inside a function: (part, module, the function that gives them)
NETWORKS = [("who speaks", f"{STAGES}.isolate_speakers.segmentation", "load_network")]

SEPARATION = {"separation": [("demucs.htdemucs", "HTDemucs", ("forward",))]}


class Clock:
    """Seconds by part, each without what was timed inside it; by the wall, and of CPUs."""

    def __init__(self) -> None:
        self.wall = Parts(time.perf_counter)
        self.cpu = Parts(time.process_time)  # of all threads; other processes do not count

    def on(self, part: str, function: Any) -> Any:
        """Return the function with its seconds added to a part."""
        return self.wall.on(part, self.cpu.on(part, function))

    def started(self) -> None:
        """Count what was until now as start-up."""
        for parts in (self.wall, self.cpu):
            parts.parts_s["start"] += parts.now() - parts.began

    def write(self, path: Path) -> None:
        """Write what all parts and the whole process took."""
        sides = {"wall": self.wall, "cpu": self.cpu}
        whole = {
            name: {"whole_s": p.now() - p.began, "parts_s": p.parts_s} for name, p in sides.items()
        }
        path.write_text(json.dumps(whole), encoding="utf-8")


class Parts:
    """Seconds by part, by one kind of clock."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now, self.began = now, BEGAN if now is time.perf_counter else 0.0
        self.parts_s: dict[str, float] = defaultdict(float)
        self._inner = [0.0]

    def on(self, part: str, function: Any) -> Any:
        """Return the function with its seconds added to a part."""

        @functools.wraps(function)
        def timed(*args: Any, **named: Any) -> Any:
            began = self.now()
            self._inner.append(0.0)
            try:
                return function(*args, **named)
            finally:
                whole = self.now() - began
                self.parts_s[part] += whole - self._inner.pop()
                self._inner[-1] += whole

        return timed


def put_on(clock: Clock, part: str, place: Any, functions: Sequence[str]) -> None:
    """Replace functions of a module or class by ones that are timed."""
    for name in functions:
        setattr(place, name, clock.on(part, getattr(place, name)))


def put_on_network(clock: Clock, part: str, place: Any, loader: str) -> None:
    """Replace a function by one whose network is timed."""
    load = getattr(place, loader)

    @functools.wraps(load)
    def loaded(*args: Any, **named: Any) -> Any:
        network = load(*args, **named)
        network.forward = clock.on(part, network.forward)
        return network

    setattr(place, loader, loaded)


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
    for part, module, loader in NETWORKS:
        put_on_network(clock, part, importlib.import_module(module), loader)
    clock.started()
    code = cli.main(sys.argv[2:])
    clock.write(Path(sys.argv[1]))
    return code


if __name__ == "__main__":
    sys.exit(main())

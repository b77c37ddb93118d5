"""How long a report of many clips takes to be written, and to be there in a browser.

In:  the numbers of clips and of recordings. Out: seconds; exit code 1 if the page is not there
     within 2 s, or if the browser's console is not empty.
The page is opened from its file, as people do. There: the load event has fired, the table is drawn,
and a frame was painted after that.
Run: .venv/bin/python bench/report.py [--clips 5000] [--recordings 50] (it needs chromium)
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # a script beside the package, also without an installation

from pipeline.report import render_report, write_spectrograms  # noqa: E402
from tests.browser import Browser  # noqa: E402
from tests.test_report import VIEW  # noqa: E402

LIMIT_S = 2.0
WORDS = "the old clock on the wall has stopped again and nobody knows how to mend it"
SOUNDS = "ðə ˈOld klˈɑk ɔn ðə wˈɔl hæz stˈɑpt əɡˈɛn"
PAINTED = (
    "new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(performance.now()))))"
)


def clip(k: int, recordings: int, chance: random.Random) -> dict[str, Any]:
    """Return a clip as build_dataset describes it, of usual length and with all its scores."""
    duration_s = round(chance.uniform(2, 12), 2)
    count = round(2.5 * duration_s)
    scores = {
        name: round(chance.gauss(middle, width), 3)
        for name, middle, width in (
            ("similarity", 0.93, 0.03), ("snr_db", 38, 8), ("avg_logprob", -0.1, 0.05),
            ("word_probability", 0.93, 0.03), ("peak_db", -6, 2), ("level_db", -22, 1),
            ("chars_per_s", 15, 2), ("bandwidth_hz", 9000, 900), ("lufs", -23, 0.5),
            ("mos_ovrl", 3.2, 0.2), ("mos_sig", 3.5, 0.2), ("mos_bak", 4, 0.1),
            ("fit", -0.15, 0.05), ("token_fit", -1.5, 0.5),
        )
    }  # fmt: skip
    text = " ".join(chance.choices(WORDS.split(), k=count)).capitalize() + "."
    said = " ".join(chance.choices(SOUNDS.split(), k=count))
    return {
        "id": f"recording-{k % recordings:08x}-{k:04d}", "wav": f"wavs/{k}.wav", "list": "train",
        "source": f"recording {k % recordings}.wav", "duration_s": duration_s, "text": text,
        "normalized": text, "kokoro": said, "scores": scores,
    }  # fmt: skip


def recording(k: int, count: int) -> dict[str, Any]:
    """Return a recording with `count` spans of 3 s on its time line."""
    kinds = ("used", "none", "used", "bad")
    spans = [
        {"start_s": 3.0 * n, "end_s": 3.0 * n + 3, "kind": kinds[n % 4], "what": f"snr: {n} dB"}
        for n in range(count)
    ]
    return {
        "source": f"recording {k}.wav", "duration_s": 3.0 * count, "dropped": "", "clips": 100,
        "used_s": 300.0, "rejected_s": 150.0, "non_speech_s": 150.0, "by_rule": [("snr", 150.0)],
        "spans": spans,
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clips", type=int, default=5000)
    parser.add_argument("--recordings", type=int, default=50)
    given = parser.parse_args()
    count, recordings = given.clips, given.recordings
    chance = random.Random(0)
    clips = [clip(k, recordings, chance) for k in range(count)]
    spans = max(10, 2 * count // recordings)  # what is used, and what is between
    rows = [recording(k, spans) for k in range(recordings)]
    view = {**VIEW, "clips": clips, "clip_count": count, "recordings": rows, "input_s": 30_000.0}
    with tempfile.TemporaryDirectory() as name:
        page = Path(name) / "report.html"
        began = time.perf_counter()
        page.write_text(render_report(view), encoding="utf-8")
        written_s = time.perf_counter() - began
        noise = np.random.default_rng(0).normal(0, 0.1, 24_000 * 6).astype(np.float32)
        began = time.perf_counter()
        write_spectrograms(page.with_name("spectrograms.js"), ((str(k), noise) for k in range(100)))
        picture_ms = 10 * (time.perf_counter() - began)
        browser = Browser(Path(name) / "profile")
        browser.open(page.as_uri())
        there_s = browser.evaluate(PAINTED) / 1000
        browser.close()
        size_mb = page.stat().st_size / 1e6
    print(
        f"{count} clips of {recordings} recordings: {size_mb:.1f} MB, written in {written_s:.2f} s"
    )
    print(f"there in {there_s:.2f} s")
    print(
        f"a spectrogram of 6 s takes {picture_ms:.1f} ms; console: {browser.complaints or 'empty'}"
    )
    return int(there_s > LIMIT_S or bool(browser.complaints))


if __name__ == "__main__":
    sys.exit(main())

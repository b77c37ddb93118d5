"""The whole pipeline with its real stages and weights, on recordings cut from the sample."""

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile
import yaml

from pipeline import audio
from pipeline.report.doubt import LOW_IS_BAD
from pipeline.report.plots import SCORES
from pipeline.validate import validate

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "data" / "sample"
COMMAND = [sys.executable, "-m", "pipeline"]
MODEL = ("--whisper-model", "tiny.en")
LISTS = (
    "metadata.csv", "metadata.jsonl", "rejected.jsonl", "README.md", "report.html",
    "spectrograms.js",
)  # fmt: skip
# What a run says when a step takes up a file
VERBS = {
    "download_audio": "Downloading",
    "isolate_speakers.survey": "Listening for voices",
    "isolate_speakers": "Isolating",
    "enhance_audio": "Enhancing",
    "transcribe_audio": "Transcribing",
    "segment_audio": "Segmenting",
    "build_dataset": "Building the dataset",
}


def start(*words: object) -> subprocess.Popen:
    return subprocess.Popen(
        [*COMMAND, *map(str, words)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(*words: object) -> tuple[int, str]:
    """Run to the end; return (exit code, what was said)."""
    process = start(*words)
    output = process.communicate(timeout=400)[0]
    return process.returncode, output


def dataset(out: Path) -> dict[str, bytes]:
    """Return every byte of the dataset."""
    folders = ("wavs", "kokoro", "styletts2")
    files = [*(out / name for name in LISTS), *(p for f in folders for p in (out / f).iterdir())]
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(files)}


@pytest.fixture(scope="module")
def recordings(tmp_path_factory) -> Path:
    """Two recordings of one voice, 15 and 25 s."""
    folder = tmp_path_factory.mktemp("recordings")
    (folder / "letter.wav").write_bytes((SAMPLE / "letter.wav").read_bytes())
    samples, rate_hz = audio.read(SAMPLE / "monologue.flac", 0.0, 25.0)
    audio.write(folder / "part one.flac", samples, rate_hz)
    return folder


@pytest.fixture(scope="module")
def calm(tmp_path_factory, recordings) -> Path:
    """The output of a run that nothing disturbed."""
    out = tmp_path_factory.mktemp("calm") / "out"
    code, output = run(recordings, "--output", out, *MODEL)
    assert code == 0, output
    return out


def test_the_output_folder_is_what_the_documentation_promises(calm):
    names = {path.name for path in calm.iterdir()}

    assert names == {
        *LISTS, "wavs", "kokoro", "styletts2", "huggingface", "work", "speakers.json",
        "pipeline_state.yaml", "pipeline_config.yaml", "pipeline.log",
    }  # fmt: skip
    assert {p.name for p in (calm / "kokoro").iterdir()} == {
        "reference.txt",
        "reference.wav",
        "train_list.txt",
        "val_list.txt",
    }
    assert {p.name for p in (calm / "styletts2").iterdir()} == {
        "OOD_texts.txt",
        "train_list.txt",
        "val_list.txt",
    }
    assert {p.suffix for p in (calm / "work").rglob("*") if p.is_file()} <= {".json", ""}


def test_every_clip_is_24_khz_mono_16_bit_and_named_in_all_lists(calm):
    clips = sorted((calm / "wavs").iterdir())
    listed = [json.loads(line)["file_name"] for line in (calm / "metadata.jsonl").open()]

    assert len(clips) >= 3
    assert sorted(listed) == [f"wavs/{clip.name}" for clip in clips]
    for clip in clips:
        info = soundfile.info(clip)
        assert (info.samplerate, info.channels, info.subtype) == (24_000, 1, "PCM_16")
        samples, rate_hz = audio.read(clip)
        edges = [samples[: rate_hz // 10], samples[-rate_hz // 10 :]]
        assert max(audio.level_db(edge) for edge in edges) < -40
    for folder in ("kokoro", "styletts2"):
        lines = [
            *(calm / folder / "train_list.txt").open(),
            *(calm / folder / "val_list.txt").open(),
        ]
        assert sorted(line.split("|")[0] for line in lines) == sorted(listed)


def test_a_trainer_would_choke_on_nothing(calm):
    assert [problem for problem in validate(calm) if problem.severity == "error"] == []


def test_report_and_summary_know_the_scores_by_their_names(calm):
    """Doubt, plots and the mean DNSMOS would be silent about one of another name."""
    (scores, *_) = [json.loads(line)["scores"] for line in (calm / "metadata.jsonl").open()]

    assert {*LOW_IS_BAD, *(name for _, _, name in SCORES)} <= set(scores)
    assert re.search(r"1 speaker, mean DNSMOS \d\.\d\d$", (calm / "pipeline.log").read_text(), re.M)


def test_a_clip_is_taken_out_and_back_to_the_byte(calm, tmp_path):
    """The sound is cleaned away by then, and comes back from where it was kept."""
    out = tmp_path / "out"
    shutil.copytree(calm, out)
    before = dataset(out)
    clip = sorted((out / "wavs").iterdir())[0]
    (tmp_path / "ids.txt").write_text(f"{clip.stem}\n")

    assert run("exclude", out, tmp_path / "ids.txt")[0] == 0
    assert not clip.exists()
    assert [problem for problem in validate(out) if problem.severity == "error"] == []
    assert run("exclude", out, "--undo")[0] == 0
    assert dataset(out) == before


def test_every_second_is_accounted_for(calm):
    """Of each recording: used + rejected + non-speech = all, to 0.1 s, and nothing twice."""
    listed = [
        json.loads(line)
        for name in ("metadata.jsonl", "rejected.jsonl")
        for line in (calm / name).open()
    ]
    state = yaml.safe_load((calm / "pipeline_state.yaml").read_text())
    records = [r for r in state["files"] if r["stage"] == "download_audio"]

    assert {record["source"] for record in records} == {span["source"] for span in listed}
    for record in records:
        spans = sorted((s["start"], s["end"]) for s in listed if s["source"] == record["source"])
        seconds = sum(end - start for start, end in spans)
        assert seconds == pytest.approx(record["facts"]["duration_s"], abs=0.1)
        assert all(a[1] <= b[0] + 0.001 for a, b in itertools.pairwise(spans))


def test_the_configuration_names_settings_versions_and_weights(calm):
    stored = yaml.safe_load((calm / "pipeline_config.yaml").read_text())

    assert stored["settings"]["whisper_model"] == "tiny.en"
    assert "output" not in stored["settings"]
    assert len(stored["weights"]["tiny.en"]) == 64
    assert stored["libraries"]["torch"]


def test_killed_in_every_stage_it_ends_with_the_same_bytes_and_redoes_only_the_open_file(
    calm, recordings, tmp_path
):
    """P1, P2, P3: kill -9 on the second file of each step (the only one of the last)."""
    out = tmp_path / "out"
    words = (recordings, "--resume", "--output", out, "--workers", "1", *MODEL)
    taken_up = []
    for verb in VERBS.values():
        process = start(*words)
        wanted = 1 if verb == VERBS["build_dataset"] else 2
        lines = read_until(process, verb, wanted - sum(f" {verb}" in line for line in taken_up))
        process.kill()
        taken_up += [*lines, *process.communicate()[0].splitlines()]
    code, output = run(*words)

    assert code == 0, output
    assert dataset(out) == dataset(calm)
    taken_up += output.splitlines()
    for step, verb in VERBS.items():
        files = 1 if step == "build_dataset" else 2
        assert sum(f" {verb}" in line for line in taken_up) <= files + 1, step


def read_until(process: subprocess.Popen, verb: str, times: int) -> list[str]:
    """Read what a run says until it has taken up so many files with `verb`."""
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip())
        times -= f" {verb}" in line
        if times <= 0:
            return lines
    return lines


def tone(path: Path, seconds: float, level: float = 0.5) -> Path:
    rate_hz = 16_000
    samples = level * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate_hz)) / rate_hz)
    soundfile.write(path, samples, rate_hz)
    return path


def picture_without_sound(path: Path) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i"]
    subprocess.run([*command, "testsrc=duration=1:size=64x64", str(path)], check=True)


def test_twelve_kinds_of_broken_input_are_each_named_and_the_rest_is_finished(recordings, tmp_path):
    """P4: exit code 3, every reason in the summary and in failed_files, the dataset complete; the
    seconds of one that is only too short are accounted for."""
    broken = tmp_path / "broken"
    broken.mkdir()
    whole = (recordings / "letter.wav").read_bytes()
    (broken / "empty.mp3").write_bytes(b"")
    (broken / "text.mp3").write_text("this is no sound\n" * 20)
    (broken / "zeros.wav").write_bytes(bytes(5000))
    (broken / "head only.wav").write_bytes(whole[:44])
    (broken / "garbage.flac").write_bytes(b"fLaC" + os.urandom(3000))
    (broken / "garbage.ogg").write_bytes(os.urandom(3000))
    (broken / "garbage.m4a").write_bytes(os.urandom(3000))
    (broken / "html.mp3").write_text("<html><body>404 not found</body></html>")
    tone(broken / "silent.wav", 3.0, level=0.0)
    tone(broken / "no samples.wav", 0.0)
    picture_without_sound(broken / "picture.mp4")
    os.mkfifo(broken / "pipe.wav")
    blip = tone(tmp_path / "blip.wav", 0.4)

    inputs = (recordings, broken, blip)
    code, output = run(*inputs, "--output", tmp_path / "out", *MODEL, "--max-failures-in-a-row", 20)
    assert code == 3, output
    state = yaml.safe_load((tmp_path / "out" / "pipeline_state.yaml").read_text())
    failed = state["failed_files"]
    assert set(failed) == {path.name for path in broken.iterdir()}
    summary = output[output.index("recordings failed") :]
    for name, reason in failed.items():
        assert f"{name}: download_audio: " in summary
        assert re.fullmatch(f"download_audio: cannot read {re.escape(name)}: .+; .+", reason)
    assert "Traceback" not in output
    rows = map(json.loads, (tmp_path / "out/rejected.jsonl").open())
    short = [r for r in rows if r["source"] == "blip.wav"]
    assert [(r["start"], r["end"], r["rule"]) for r in short] == [(0.0, 0.4, "too_short")]
    assert not [p for p in validate(tmp_path / "out") if p.severity == "error"]


def test_a_stage_runs_by_itself_on_one_file(tmp_path):
    """And leaves nothing beside what it made."""
    (tmp_path / "temp").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.stages.enhance_audio", str(SAMPLE / "letter.wav"),
         str(tmp_path / "out"), "--enhancement-mode", "balanced"],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
        env={**os.environ, "TMPDIR": str(tmp_path / "temp")},
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert soundfile.info(tmp_path / "out" / "audio.flac").samplerate == 24_000
    assert list((tmp_path / "temp").iterdir()) == []


def test_help_groups_the_flags_and_shows_defaults_and_units():
    code, output = run("--help")

    assert code == 0
    headings = [line for line in output.splitlines() if re.fullmatch(r"\w+:", line)][
        1:
    ]  # but "options:"
    assert headings == [
        "run:", "download_audio:", "isolate_speakers:", "enhance_audio:", "transcribe_audio:",
        "segment_audio:", "build_dataset:",
    ]  # fmt: skip
    assert "(default: 12.0 s)" in " ".join(output.split())

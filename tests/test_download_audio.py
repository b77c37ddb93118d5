"""Any recording becomes one checked mono file; what is none fails by name, with a reason."""

import hashlib
import http.server
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from pipeline import audio
from pipeline.item import Item, Reject, Result
from pipeline.stages import download_audio
from pipeline.stages.download_audio import (
    Models,
    Params,
    alike,
    ffmpeg,
    fingerprint,
    reasons,
    unique,
)
from pipeline.stages.download_audio.http import TryAgain, _redirected
from pipeline.stages.download_audio.partial import Record

PARAMS = Params(download_backoff_s=0.01, download_stall_s=0.3, download_attempts=3)


@pytest.fixture(scope="module")
def models() -> Models:
    return download_audio.load(PARAMS, "cpu")


@pytest.fixture
def run(tmp_path, models) -> Callable[..., Result]:
    """Run the stage on an origin, into tmp_path/out, with a scratch folder beside it."""

    def run(origin: object, params: Params = PARAMS, models: Models = models) -> Result:
        (tmp_path / "out").mkdir(exist_ok=True)
        source = str(origin).rpartition("/")[2]
        item = Item(source, "x-0", str(origin), scratch=str(tmp_path / "scratch"))
        return download_audio.process(item, tmp_path / "out", params, models)

    return run


@pytest.fixture
def written(tmp_path) -> Callable[[], tuple[np.ndarray, int]]:
    return lambda: audio.read(tmp_path / "out/audio.flac")


def tone(seconds: float = 2.0, rate_hz: int = 44_100, hz: float = 440.0, peak: float = 0.5):
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    return (peak * np.sin(2 * np.pi * hz * times)).astype(np.float32)


def wav(path: Path, samples: np.ndarray, rate_hz: int = 44_100, subtype: str = "PCM_16") -> Path:
    soundfile.write(path, samples, rate_hz, subtype=subtype)
    return path


def convert(models: Models, source: Path, target: Path, *flags: str) -> Path:
    argv = [models.ffmpeg, "-v", "error", "-nostdin", "-i", str(source), *flags, str(target)]
    subprocess.run(argv, check=True, timeout=60)
    return target


def frequency_hz(samples: np.ndarray, rate_hz: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * rate_hz / len(samples))


# ---- formats


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3", "aiff", "w64", "caf", "au"])
def test_audio_files_keep_length_rate_and_sound(tmp_path, run, written, ending):
    """A 440 Hz tone of 2 s comes out as one, in any format that soundfile writes."""
    path = tmp_path / f"tone.{ending}"
    soundfile.write(path, tone(), 44_100)

    facts = run(path).facts
    samples, rate_hz = written()

    assert rate_hz == facts["rate_hz"] == 44_100
    loose = 512 if ending == "ogg" else 0  # ffmpeg cuts a Vorbis window at either end, by version
    assert len(samples) == pytest.approx(88_200, abs=loose)
    assert facts["duration_s"] == pytest.approx(2.0, abs=0.01)
    assert frequency_hz(samples, rate_hz) == pytest.approx(440, abs=1)
    assert facts["peak_db"] == pytest.approx(-6.02, abs=0.3)
    assert facts["level_db"] == pytest.approx(-9.03, abs=0.1)
    assert (facts["channels"], facts["mix"], facts["truncated"]) == (1, "mono", False)
    assert facts["bytes"] == path.stat().st_size
    assert facts["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("ending", "codec"),
    [("mp4", "aac"), ("mkv", "vorbis"), ("webm", "opus"), ("avi", "mp3"), ("mov", "aac")],
)
def test_videos_give_their_sound(tmp_path, run, written, models, ending, codec):
    picture = ("-f", "lavfi", "-i", "testsrc=d=2:s=64x48:r=5", "-shortest")
    path = convert(models, wav(tmp_path / "t.wav", tone()), tmp_path / f"v.{ending}", *picture)

    facts = run(path).facts

    assert facts["codec"] == codec
    assert facts["duration_s"] == pytest.approx(2, abs=0.1)
    assert frequency_hz(*written()) == pytest.approx(440, abs=1)


def test_the_default_audio_stream_is_taken(tmp_path, run, written, models):
    quiet, main = (wav(tmp_path / f"{hz}.wav", tone(hz=hz)) for hz in (300, 900))
    flags = ("-i", str(main), "-map", "0", "-map", "1", "-c:a", "flac")
    flags += ("-disposition:a:0", "0", "-disposition:a:1", "default")
    path = convert(models, quiet, tmp_path / "two.mkv", *flags)

    assert run(path).facts["codec"] == "flac"
    assert frequency_hz(*written()) == pytest.approx(900, abs=1)


@pytest.mark.parametrize(("rate_hz", "expected_hz"), [(8_000, 8_000), (96_000, 48_000)])
def test_the_rate_is_the_sources_but_at_most_48_khz(tmp_path, run, written, rate_hz, expected_hz):
    path = wav(tmp_path / "t.wav", tone(rate_hz=rate_hz), rate_hz)

    facts = run(path).facts
    samples, written_hz = written()

    assert (facts["source_rate_hz"], written_hz) == (rate_hz, expected_hz)
    assert len(samples) == 2 * expected_hz
    assert frequency_hz(samples, written_hz) == pytest.approx(440, abs=1)


def test_16_bit_sound_comes_through_bit_for_bit(tmp_path, run, written):
    noise = np.random.default_rng(0).integers(-32768, 32768, 50_000).astype(np.int16)
    run(wav(tmp_path / "n.wav", noise, 16_000))

    samples, _ = written()

    assert np.array_equal(np.round(samples * 32768).clip(-32768, 32767), noise)


def test_the_same_file_gives_the_same_bytes(tmp_path, run):
    path = wav(tmp_path / "t.wav", np.stack([tone(), tone(hz=600)], 1))

    digests = set()
    for _ in range(2):
        run(path)
        digests.add(hashlib.sha256((tmp_path / "out/audio.flac").read_bytes()).hexdigest())

    assert len(digests) == 1


# ---- channels and levels


def test_two_channels_are_averaged(tmp_path, run, written):
    path = wav(tmp_path / "t.wav", np.stack([tone(), np.zeros(88_200, np.float32)], 1))

    facts = run(path).facts

    assert (facts["channels"], facts["mix"]) == (2, "mean")
    assert np.max(np.abs(written()[0])) == pytest.approx(0.25, abs=0.001)


def test_channels_that_cancel_each_other_are_not_lost(tmp_path, run, written):
    """A miswired cable: the right channel is the left one upside down, and a little quieter."""
    path = wav(tmp_path / "t.wav", np.stack([tone(), -0.95 * tone()], 1))

    facts = run(path).facts

    assert facts["mix"] == "left"
    assert np.max(np.abs(written()[0])) == pytest.approx(0.5, abs=0.001)


def test_surround_is_mixed_by_its_layout(tmp_path, run, models):
    """Speech sits in the centre channel of 5.1."""
    sound = np.zeros((44_100, 6), np.float32)
    sound[:, 2] = tone(1.0)
    path = convert(models, wav(tmp_path / "t.wav", sound), tmp_path / "t.mka", "-c:a", "ac3")

    facts = run(path).facts

    assert (facts["channels"], facts["codec"]) == (6, "ac3")
    assert facts["level_db"] > -25


def test_sound_beyond_full_scale_is_scaled_not_clipped(tmp_path, run, written):
    """A float file with peaks of 4.0 keeps its shape; the gain is in the facts."""
    path = wav(tmp_path / "loud.wav", tone(peak=4.0), subtype="FLOAT")

    facts = run(path).facts
    samples, _ = written()

    assert facts["gain_db"] == pytest.approx(-12.04, abs=0.01)
    assert facts["peak_db"] == pytest.approx(0, abs=0.01)
    assert np.max(np.abs(samples - tone(peak=1.0))) < 1e-4


def test_clipping_is_counted(tmp_path, run):
    clipped = np.clip(tone(peak=2.0), -1, 1)
    path = wav(tmp_path / "c.wav", np.stack([clipped, 0 * clipped], 1))

    # a sine of peak 2 is beyond 0.999 for 2/3 of its time
    assert run(path).facts["clipped_ratio"] == pytest.approx(0.667, abs=0.01)


def test_broken_numbers_become_silence(tmp_path, run, written):
    sound = tone()
    sound[1000:1010] = np.nan
    sound[2000] = np.inf
    path = wav(tmp_path / "nan.wav", sound, subtype="FLOAT")

    assert run(path).facts["broken_samples"] == 11
    assert not np.any(written()[0][1000:1010])


def test_a_long_recording_needs_no_more_memory(tmp_path):
    """15 minutes are 159 MB as float32; the process stays within 60 MB of where it began."""
    second = tone(1.0, 44_100)
    with soundfile.SoundFile(tmp_path / "long.flac", "w", 44_100, 1) as file:
        for _ in range(15):
            file.write(np.tile(second, 60))
    script = f"""
import resource, sys
from pathlib import Path
from pipeline.item import Item
from pipeline.stages import download_audio as stage
models = stage.load(stage.Params(), "cpu")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
item = Item("long.flac", "x", {str(tmp_path / "long.flac")!r})
facts = stage.process(item, Path({str(tmp_path)!r}), stage.Params(), models).facts
print(facts["duration_s"], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    argv = [sys.executable, "-c", script]
    said = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout

    duration_s, grown_kb = said.split()
    assert float(duration_s) == 900
    assert int(grown_kb) < 60_000


# ---- what is no recording


def broken(folder: Path, kind: str, models: Models) -> Path:
    """Make a broken input of a kind."""
    path = folder / f"{kind}.mp3"
    good = wav(folder / "good.wav", tone(6.0))
    random = np.random.default_rng(1).bytes(300_000)
    if kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("hello, this is text\n" * 1000)
    elif kind == "garbage":
        path.write_bytes(random)
    elif kind == "silent":
        wav(path.with_suffix(".wav"), np.zeros(88_200)).rename(path)
    elif kind == "nearly_silent":
        wav(path.with_suffix(".wav"), tone(peak=0.0005), subtype="PCM_24").rename(path)
    elif kind == "zero_seconds":
        wav(path.with_suffix(".wav"), np.zeros(0)).rename(path)
    elif kind == "header_only":
        path.write_bytes(good.read_bytes()[:36])
    elif kind == "picture_only":
        flags = ("-f", "lavfi", "-i", "testsrc=d=1:s=64x48", "-map", "1:v")
        convert(models, good, folder / "p.mp4", *flags).rename(path)
    elif kind == "no_index":
        whole = convert(models, good, folder / "m.m4a").read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "protected":
        whole = convert(models, good, folder / "d.m4a").read_bytes()
        path.write_bytes(whole.replace(b"mp4a", b"drms", 1))
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "playlist":
        path.write_text(f"ffconcat version 1.0\nfile {good}\n")
    elif kind == "dangling":
        path.symlink_to(folder / "nowhere")
    return path


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("missing", "no such file or directory; check the file"),
        ("dangling", "/nowhere and leads nowhere here; mend it or give the file itself"),
        ("empty", "it is empty (0 bytes); remove it"),
        ("text", "not audio or video, or damaged beyond reading; remove it"),
        ("garbage", "does not decode; remove it"),
        ("silent", "it is silent: its peak of -120.0 dB is below -60 dB; remove it"),
        ("nearly_silent", "it is silent: its peak of -66.0 dB is below -60 dB; remove it"),
        ("zero_seconds", "0 seconds of sound in it; remove it"),
        ("header_only", "cut off: its index is missing; copy or download it again"),
        ("picture_only", "no audio stream; remove it"),
        ("no_index", "cut off: its index is missing; copy or download it again"),
        ("protected", "copy-protected (DRM); use an unprotected copy"),
        ("folder", "it is a folder that may not be listed"),
        ("pipe", "it is a pipe or a device, not a file"),
        ("playlist", "a playlist or script, not a recording; give the recordings"),
    ],
)
def test_what_is_no_recording_fails_by_name_with_reason_and_hint(
    tmp_path, run, models, kind, reason
):
    path = broken(tmp_path, kind, models)

    with pytest.raises(ValueError, match="cannot read") as caught:
        run(path)

    assert str(caught.value).startswith(f"cannot read {kind}.mp3: ")
    assert reason in str(caught.value)


def test_a_device_does_not_hang(run):
    with pytest.raises(ValueError, match="cannot read zero: it is a pipe or a device"):
        run("/dev/zero")


def test_permission_denied_is_said(tmp_path, run, monkeypatch):
    """By a stand-in for os.open: root, as in a container, may read everything."""
    path = wav(tmp_path / "t.wav", tone())
    real = os.open

    def refuse(name, *rest, **more):
        if Path(name) == path:
            raise PermissionError(13, "Permission denied", str(name))
        return real(name, *rest, **more)

    monkeypatch.setattr(os, "open", refuse)

    with pytest.raises(ValueError, match=r"cannot read t\.wav: permission denied"):
        run(path)


def test_a_failing_disk_is_not_the_files_fault(tmp_path, run, monkeypatch):
    path = wav(tmp_path / "t.wav", tone())

    def fail(*_args, **_more):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "open", fail)

    with pytest.raises(OSError, match="Input/output error"):
        run(path)


@pytest.mark.parametrize("room_bytes", [20_000, 125_000])
def test_a_disk_that_takes_no_more_is_not_the_files_fault(tmp_path, run, room_bytes):
    """Neither in the middle, nor at the very end, where libsndfile says nothing."""
    noise = np.random.default_rng(0).integers(-9000, 9000, 70_000).astype(np.int16)
    path = wav(tmp_path / "n.wav", noise)
    run(path)
    assert (tmp_path / "out/audio.flac").stat().st_size > 126_000
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room_bytes, before[1]))
    try:
        with pytest.raises(OSError, match=r"audio\.flac"):
            run(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_short_recordings_are_dropped_long_ones_fail(tmp_path, run):
    path = wav(tmp_path / "t.wav", tone(0.4))

    with pytest.raises(Reject, match=r"^0\.400 s is shorter than 1 s$") as short:
        run(path)
    assert short.value.facts == {"duration_s": 0.4, "rule": "too_short"}
    with pytest.raises(ValueError, match=r"longer than 0\.0001 h; .* --max-recording-h$"):
        run(path, replace(PARAMS, max_recording_h=0.0001))
    assert run(path, replace(PARAMS, min_recording_s=0.4)).facts["duration_s"] == 0.4


@pytest.mark.parametrize("ending", ["wav", "flac", "mp3", "mkv", "webm", "m4a"])
def test_a_cut_off_file_gives_what_is_there_and_says_so(tmp_path, run, models, ending):
    whole = wav(tmp_path / "whole.wav", tone(6.0))
    if ending != "wav":
        flags = ("-movflags", "+faststart") if ending == "m4a" else ()
        whole = convert(models, whole, tmp_path / f"whole.{ending}", *flags)
    path = tmp_path / f"cut.{ending}"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])

    facts = run(path).facts

    assert facts["truncated"] is True
    assert facts["decode_errors"] > 0
    assert facts["duration_s"] == pytest.approx(3, abs=1.1)
    if ending != "wav":  # which does not say how long it should be
        assert facts["duration_s"] + facts["missing_s"] == pytest.approx(6, abs=0.1)


def test_a_picture_longer_than_the_sound_is_no_damage(tmp_path, run, models):
    picture = ("-f", "lavfi", "-i", "testsrc=d=5:s=64x48:r=5")
    path = convert(models, wav(tmp_path / "t.wav", tone()), tmp_path / "v.mp4", *picture)

    facts = run(path).facts

    assert (facts["truncated"], facts["missing_s"], facts["decode_errors"]) == (False, 0, 0)


@pytest.mark.parametrize(
    "name",
    ["-y.wav", "concat:a|b.wav", "a b'\"$(x).wav", "two\nlines %d.wav", "🎙️.wav", b"\xe9.wav"],
)
def test_hostile_names_are_only_names(tmp_path, run, name):
    path = tmp_path / os.fsdecode(name)
    wav(tmp_path / "t.wav", tone()).rename(path)

    assert run(path).facts["duration_s"] == 2.0


@pytest.mark.parametrize("secret", ["file", "http"])
def test_a_playlist_opens_neither_files_nor_addresses(tmp_path, run, server, secret):
    target = wav(tmp_path / "secret.wav", tone()) if secret == "file" else server.url("/a.mp3")
    path = tmp_path / "list.m3u8"
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:2,\n{target}\n#EXT-X-ENDLIST\n")

    with pytest.raises(ValueError, match=r"cannot read list\.m3u8"):
        run(path)
    assert not server.requests


def test_a_file_that_changes_while_it_is_read_fails(tmp_path, run, monkeypatch):
    path = wav(tmp_path / "t.wav", tone())
    real = download_audio.decode

    def decode_while_growing(*args):
        with path.open("ab") as file:
            file.write(b"more")
        return real(*args)

    monkeypatch.setattr(download_audio, "decode", decode_while_growing)

    with pytest.raises(ValueError, match="it changed while it was read"):
        run(path)


# ---- ffmpeg itself


def fake_ffmpeg(folder: Path, script: str, models: Models) -> Models:
    path = folder / "ffmpeg"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return replace(models, ffmpeg=str(path))


@pytest.mark.parametrize("script", ["exec sleep 60", "while true; do echo oh >&2; done"])
def test_an_ffmpeg_that_hangs_or_only_complains_is_stopped(tmp_path, run, models, script):
    path = wav(tmp_path / "t.wav", tone())
    params = replace(PARAMS, decode_stall_s=0.2)

    with pytest.raises(ValueError, match=r"ffmpeg gave nothing for 0\.2 s and was stopped"):
        run(path, params, fake_ffmpeg(tmp_path, script, models))


def test_an_ffmpeg_that_crashes_fails_the_file(tmp_path, run, models):
    path = wav(tmp_path / "t.wav", tone())

    with pytest.raises(ValueError, match=r"ffmpeg crashed on it \(signal 11\)"):
        run(path, PARAMS, fake_ffmpeg(tmp_path, "kill -SEGV $$", models))


def test_no_orphan_is_left_when_we_are_killed():
    """Not even of an ffmpeg that hangs, and so would never notice the broken pipe."""
    script = """
from pipeline.stages.download_audio.ffmpeg import Log, stream
for part in stream(["sh", "-c", "echo $$; exec sleep 60"], 60, Log()):
    print(int(part), flush=True)
"""
    argv = [sys.executable, "-c", script]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        child = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)

    assert eventually(lambda: is_gone(child))


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def eventually(is_true: Callable[[], bool], seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if is_true():
            return True
        time.sleep(0.01)
    return False


def test_a_stream_that_nobody_reads_on_ends_ffmpeg():
    parts = ffmpeg.stream(["sh", "-c", "echo $$; exec sleep 60"], 60, ffmpeg.Log())
    child = int(next(parts))

    parts.close()

    assert is_gone(child)


def test_what_ffmpeg_says_is_kept_at_both_ends_only():
    log = ffmpeg.Log()
    for number in range(100_000):
        log.add(b"line %d\n" % number)

    assert log.text.startswith("line 0\n")
    assert log.text.endswith("line 99999\n")
    assert len(log.text) <= 2 * ffmpeg.LOG_BYTES


def test_the_wordings_of_older_ffmpegs_are_understood():
    text = (
        b"Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'file:/x':\n"
        b"  Duration: 01:02:03.50, start: 0.000000, bitrate: 131 kb/s\n"
        b"  Stream #0:0(und): Video: mjpeg (attached pic)\n"
        b"    Stream #0:1(eng): Audio: aac (LC) (mp4a / 0x6134706D), 44100 Hz, 5.1(side), fltp\n"
        b"Stream mapping:\n"
        b"  Stream #0:1 -> #0:0 (aac (native) -> pcm_f32be (native))\n"
        b"Error while decoding stream #0:1: Invalid data found when processing input\n"
    )
    log = ffmpeg.Log()
    log.add(text)

    assert reasons.contents(log) == reasons.Contents("aac", "mov", 6, 3723.5, False)
    assert reasons.damage(log) == 1


@pytest.mark.parametrize(
    "listing",
    [
        " D.. = Demuxing\n ---\n D   wav  WAVE\n D d alsa  ALSA\n  E  mp4  MP4\n DE  au  Sun",
        " D. = Demuxing\n --\n D  wav  WAVE\n  E mp4  MP4\n DE au  Sun",
    ],
)
def test_the_demuxer_lists_of_old_and_new_ffmpegs_are_read(listing):
    assert ffmpeg._demuxers(listing) == {"wav", "au"}


def test_demuxers_that_open_other_things_are_not_allowed(models):
    allowed = set(models.demuxers.split(","))

    assert {"wav", "mp3", "matroska", "mov", "ogg", "flac"} <= allowed
    assert not allowed & {"hls", "concat", "dash", "sdp", "rtsp", "lavfi", "avisynth"}


def test_without_any_ffmpeg_the_stage_says_how_to_get_one(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)

    with pytest.raises(ffmpeg.Unusable, match="pip install imageio-ffmpeg"):
        download_audio.load(PARAMS, "cpu")


# ---- downloads


@dataclass
class Server:
    """A server on loopback whose answers are a list of plans, the last one repeated."""

    port: int = 0
    plans: list[Callable[["Handler"], None]] = field(default_factory=list)
    requests: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str = "/talk.flac") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def ranges(self) -> list[str]:
        return [request.get("Range", "") for request in self.requests]


class Handler(http.server.BaseHTTPRequestHandler):
    state: Server

    def do_GET(self) -> None:
        self.state.requests.append(dict(self.headers))
        self.state.paths.append(self.path)
        number = min(len(self.state.requests), len(self.state.plans)) - 1
        self.state.plans[number](self)

    def log_message(self, *_args: object) -> None:
        pass

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"Content_Length": str(len(body))} | headers).items():
            if value:
                self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()
    handler = type("Bound", (Handler,), {"state": state})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        state.port = httpd.server_address[1]
        thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
        thread.start()
        yield state
        state.released.set()
        httpd.shutdown()
        thread.join()


@pytest.fixture
def body(tmp_path) -> bytes:
    return wav(tmp_path / "body.flac", tone()).read_bytes()


def whole(body: bytes, etag: str = '"one"', **headers: str):
    """Answer with all of it, or with the rest that is asked for."""

    def plan(handler: Handler) -> None:
        asked = handler.headers.get("Range")
        if asked and handler.headers.get("If-Range") == etag:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            span = f"bytes {start}-{len(body) - 1}/{len(body)}"
            handler.answer(206, body[start:], ETag=etag, Content_Range=span, **headers)
        else:
            handler.answer(200, body, ETag=etag, **headers)

    return plan


def half(body: bytes, etag: str = '"one"', *, stall: bool = False, **headers: str):
    """Promise all, send half, then hang up or say nothing more."""

    def plan(handler: Handler) -> None:
        length = {"Content_Length": str(len(body))}
        handler.answer(200, body[: len(body) // 2], ETag=etag, **(length | headers))
        handler.wfile.flush()
        if stall:
            handler.state.released.wait(5)

    return plan


def status(code: int, **headers: str):
    return lambda handler: handler.answer(code, b"sorry", **headers)


def test_a_media_url_is_downloaded_and_its_scratch_removed(tmp_path, run, server, body):
    server.plans = [whole(body, Content_Type="audio/flac")]

    facts = run(server.url("/a%20b/Gr\u00fc\u00dfe.flac?x=1#t")).facts

    assert facts["duration_s"] == 2.0
    assert facts["sha256"] == hashlib.sha256(body).hexdigest()
    assert facts["bytes"] == len(body)
    assert server.paths == ["/a%20b/Gr%C3%BC%C3%9Fe.flac?x=1"]
    assert not (tmp_path / "scratch").exists()
    left = {path.name for path in (tmp_path / "out").iterdir()}
    assert left == {"audio.flac", "fingerprint.json"}


@pytest.mark.parametrize("stall", [False, True])
def test_a_broken_download_goes_on_where_it_stopped(run, server, body, stall):
    server.plans = [half(body, stall=stall), whole(body)]

    facts = run(server.url()).facts

    assert facts["sha256"] == hashlib.sha256(body).hexdigest()
    assert server.ranges == ["", f"bytes={len(body) // 2}-"]
    assert server.requests[1]["If-Range"] == '"one"'


def test_a_download_goes_on_after_a_crash_of_the_run(run, server, body):
    """What the first run left in the scratch folder is continued by the second."""
    server.plans = [half(body)]
    with pytest.raises(ValueError, match=r"continue with --resume"):
        run(server.url(), replace(PARAMS, download_attempts=1))
    server.plans = [whole(body)]

    assert run(server.url()).facts["sha256"] == hashlib.sha256(body).hexdigest()
    assert server.ranges[-1] == f"bytes={len(body) // 2}-"


def test_bytes_that_a_power_cut_left_unsure_are_fetched_again(tmp_path, run, server, body):
    server.plans = [half(body)]
    with pytest.raises(ValueError, match="connection ended"):
        run(server.url(), replace(PARAMS, download_attempts=1))
    record = tmp_path / "scratch/download/download.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"synced": 1000}))
    server.plans = [whole(body)]

    assert run(server.url()).facts["sha256"] == hashlib.sha256(body).hexdigest()
    assert server.ranges[-1] == "bytes=1000-"


def test_a_torn_record_starts_anew(tmp_path, run, server, body):
    (tmp_path / "scratch/download").mkdir(parents=True)
    (tmp_path / "scratch/download/download.json").write_text('{"etag": ')
    (tmp_path / "scratch/download/data.flac").write_bytes(b"old")
    server.plans = [whole(body)]

    assert run(server.url()).facts["sha256"] == hashlib.sha256(body).hexdigest()


def test_a_complete_download_is_not_fetched_twice(run, server, body, monkeypatch):
    """The run died between the download and the decoding."""
    server.plans = [whole(body)]
    with monkeypatch.context() as patch:
        patch.setattr(download_audio, "decode", lambda *_: (_ for _ in ()).throw(MemoryError()))
        with pytest.raises(MemoryError):
            run(server.url())

    run(server.url())

    assert len(server.requests) == 1


def test_a_file_that_changes_on_the_server_is_never_mixed(run, server, body, tmp_path):
    other = wav(tmp_path / "other.flac", tone(hz=700)).read_bytes()
    server.plans = [half(body), whole(other, '"two"')]

    assert run(server.url()).facts["sha256"] == hashlib.sha256(other).hexdigest()


def test_a_server_that_ignores_if_range_is_found_out(run, server, body, tmp_path):
    """It answers 206 with the rest of another file; the ETag says so."""
    other = wav(tmp_path / "other.flac", tone(hz=700)).read_bytes()

    def careless(handler: Handler) -> None:
        start = len(body) // 2
        span = f"bytes {start}-{len(other) - 1}/{len(other)}"
        handler.answer(206, other[start:], ETag='"two"', Content_Range=span)

    server.plans = [half(body), careless, whole(other, '"two"')]

    assert run(server.url()).facts["sha256"] == hashlib.sha256(other).hexdigest()
    assert server.ranges[2] == ""


def test_without_a_validator_a_broken_download_starts_anew(run, server, body):
    server.plans = [half(body, etag=""), whole(body, etag="")]

    assert run(server.url()).facts["sha256"] == hashlib.sha256(body).hexdigest()
    assert server.ranges == ["", ""]


def test_only_a_strong_validator_is_trusted():
    assert Record("u", etag='"a"', last_modified="Mon").validator == '"a"'
    assert Record("u", etag='W/"a"', last_modified="Mon").validator == "Mon"
    assert Record("u", etag='W/"a"').validator == ""


def test_a_wrong_content_length_fails_after_all_attempts(run, server, body):
    server.plans = [
        lambda handler: handler.answer(
            200, body, Content_Length=str(len(body) + 1), Accept_Ranges="no"
        )
    ]

    with pytest.raises(ValueError, match=r"cannot download talk\.flac: the connection ended at"):
        run(server.url())
    assert len(server.requests) == 3


def test_a_busy_server_is_asked_again(run, server, body):
    server.plans = [status(500), status(503, Retry_After="0"), whole(body)]

    assert run(server.url()).facts["duration_s"] == 2.0


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (404, "404 Not Found (not there)"),
        (403, "403 Forbidden"),
        (410, "410 Gone"),
        (401, "password"),
    ],
)
def test_an_answer_is_not_asked_for_twice(run, server, code, reason):
    server.plans = [status(code)]

    with pytest.raises(
        ValueError, match=r"cannot download talk\.flac: the server answers"
    ) as caught:
        run(server.url())

    assert reason in str(caught.value)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://127.0.0.1/a.mp3", "data:audio/mp3,x"]
)
def test_redirects_lead_nowhere_but_to_http(run, server, target):
    server.plans = [status(302, Location=target)]

    with pytest.raises(ValueError, match="only http and https are read"):
        run(server.url())
    assert len(server.requests) == 1


def test_redirects_are_followed_five_times(run, server, body):
    server.plans = [status(301, Location="/next")] * 5 + [whole(body)]

    assert run(server.url()).facts["duration_s"] == 2.0


def test_a_redirect_loop_ends(run, server):
    server.plans = [status(307, Location="/talk.flac")]

    with pytest.raises(ValueError, match="more than 5 redirects"):
        run(server.url())
    assert len(server.requests) == 6


def test_a_password_goes_to_its_own_server_only(run, server, body):
    other = server.url("/x").replace("127.0.0.1", "localhost")
    server.plans = [status(302, Location="/b"), status(302, Location=other), whole(body)]

    run(server.url().replace("//", "//me:pa%40ss@"))

    sent = [request.get("Authorization", "") for request in server.requests]
    assert sent == ["Basic bWU6cGFAc3M=", "Basic bWU6cGFAc3M=", ""]


@pytest.mark.parametrize("says", [True, False])
def test_a_download_over_the_limit_is_refused(tmp_path, run, server, says):
    """By its header before a byte is taken, or while it streams without one."""
    big = bytes(1_100_000)
    server.plans = [lambda handler: handler.answer(200, big, Content_Length=says and str(len(big)))]

    with pytest.raises(ValueError, match=r"over the limit of 1\.0 MB; raise --max-download-mb"):
        run(server.url(), replace(PARAMS, max_download_mb=1))
    assert len(server.requests) == 1
    kept = tmp_path / "scratch/download/data.flac"
    assert not kept.exists() or kept.stat().st_size <= 1_000_000 + 256 * 1024


def test_a_trickle_is_a_stall(run, server):
    """A byte now and then would keep a run busy for days."""

    def trickle(handler: Handler) -> None:
        handler.answer(200, b"f", Content_Length="100000")
        while not handler.state.released.wait(0.1):
            handler.wfile.write(b"x")
            handler.wfile.flush()

    server.plans = [trickle]

    with pytest.raises(ValueError, match=r"only \d+ bytes came in 0\.3 s, 1 times"):
        run(server.url(), replace(PARAMS, download_attempts=1))


def test_a_server_that_is_not_there_is_named(run):
    with pytest.raises(ValueError, match=r"cannot download a\.mp3: the connection failed"):
        run("http://127.0.0.1:9/a.mp3")


def test_garbage_from_a_server_is_fetched_again_next_time(tmp_path, run, server, body):
    server.plans = [whole(b"not a sound" * 1000), whole(body)]

    with pytest.raises(ValueError, match=r"cannot read talk\.flac: "):
        run(server.url())
    assert not (tmp_path / "scratch").exists()
    assert run(server.url()).facts["duration_s"] == 2.0


def test_a_full_disk_is_not_the_networks_fault(run, server, body, monkeypatch):
    server.plans = [whole(body)]

    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(OSError, match="No space left"):
        run(server.url())
    assert len(server.requests) == 1


def test_messages_hold_no_password(run):
    with pytest.raises(ValueError, match="cannot download") as caught:
        run("http://me:secret@127.0.0.1:9/a.mp3")

    assert "secret" not in str(caught.value)
    with pytest.raises(ValueError, match="redirects to gopher"):
        _redirected("http://a/b", "gopher://x")
    assert str(TryAgain("x")) == "x"


# ---- pages


def test_a_page_without_yt_dlp_says_what_to_install(run, server, monkeypatch):
    monkeypatch.setitem(sys.modules, "yt_dlp", None)
    server.plans = [lambda handler: handler.answer(200, b"<html>", Content_Type="text/html")]

    with pytest.raises(ValueError, match="pip install yt-dlp"):
        run(server.url("/watch"))


class FakeYoutubeDL:
    """The part of yt-dlp's face that is used; it 'downloads' what the test prepared."""

    media = b""
    entries = 0
    error = ""

    def __init__(self, options: dict) -> None:
        self.options = options

    def __enter__(self) -> "FakeYoutubeDL":
        return self

    def __exit__(self, *_args: object) -> None:
        pass

    def extract_info(self, url: str, download: bool) -> dict:
        if self.error:
            raise FakeError(f"ERROR: [generic] {url}: {self.error}")
        if not download:
            return {"entries": [{}] * self.entries} if self.entries else {}
        path = Path(self.options["outtmpl"]["default"].replace("%(ext)s", "m4a"))
        path.write_bytes(self.media)
        for hook in self.options["progress_hooks"]:
            hook({"downloaded_bytes": len(self.media)})
        return {"requested_downloads": [{"filepath": str(path)}]}


class FakeError(Exception):
    pass


@pytest.fixture
def page(server, monkeypatch) -> type[FakeYoutubeDL]:
    fake = type("Fake", (FakeYoutubeDL,), {})
    module = SimpleNamespace(YoutubeDL=fake, utils=SimpleNamespace(YoutubeDLError=FakeError))
    monkeypatch.setitem(sys.modules, "yt_dlp", module)
    server.plans = [lambda handler: handler.answer(200, b"<html>", Content_Type="text/html")]
    return fake


def test_the_media_of_a_page_is_taken(tmp_path, run, server, page, body):
    page.media = body

    assert run(server.url("/watch")).facts["sha256"] == hashlib.sha256(body).hexdigest()
    assert not (tmp_path / "scratch").exists()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"entries": 3}, "the page lists 3 media; give the page of each one"),
        ({"error": "Unsupported URL"}, r"\[generic\] the page Unsupported URL; check the page"),
        ({"media": bytes(1_000_001)}, r"over the limit of 1\.0 MB"),
    ],
)
def test_a_page_that_gives_nothing_says_why(run, server, page, change, reason):
    for name, value in change.items():
        setattr(page, name, value)

    with pytest.raises(ValueError, match=f"cannot download watch: {reason}"):
        run(server.url("/watch"), replace(PARAMS, max_download_mb=1))


# ---- duplicates


def item(source: str, sha256: str | None, dropped: str = "") -> Item:
    facts = {} if sha256 is None else {"download_audio": {"sha256": sha256}}
    return Item(source, source, source, facts=facts, dropped=dropped)


def test_the_first_by_key_of_the_same_content_stays(tmp_path):
    items = [item("c", "1"), item("b", "2"), item("a", "1"), item("d", "1"), item("e", None)]
    items = [replace(one, folders={"download_audio": str(tmp_path)}) for one in items]
    nothing = {"start": "", "end": ""}
    (tmp_path / "fingerprint.json").write_text(json.dumps(nothing))

    result = unique.process(items, tmp_path, unique.Params(), unique.load(unique.Params(), "cpu"))

    assert result.drops == {"c": "same content as a", "d": "same content as a"}
    assert result.facts == {"duplicates": 2, "rule": "duplicate"}
    assert json.loads((tmp_path / "duplicates.json").read_text()) == {
        "version": 2,
        "duplicates": [{"kept": "a", "dropped": ["c", "d"], "same": "content"}],
    }


@pytest.fixture(scope="module")
def speech() -> tuple[np.ndarray, int]:
    """Eight seconds of the sample's monologue."""
    return audio.read(Path(__file__).parent.parent / "data/sample/monologue.flac", 0.0, 8.0)


def taken_in(folder: Path, paths: list[Path], models: Models) -> list[Item]:
    """Return the recordings as download_audio leaves them."""
    items = []
    for path in paths:
        out = folder / f"artefact-{path.name}"
        out.mkdir()
        one = Item(path.name, path.stem, str(path), folders={"download_audio": str(out)})
        facts = download_audio.process(one, out, PARAMS, models).facts
        items.append(replace(one, facts={"download_audio": dict(facts)}))
    return items


def test_the_same_sound_in_other_codecs_rates_and_levels_is_kept_once(tmp_path, models, speech):
    """The best copy stays: the lossless one."""
    best = wav(tmp_path / "original.wav", *speech)
    copies = [
        convert(models, best, tmp_path / "a.mp3", "-b:a", "32k"),
        convert(models, best, tmp_path / "b.opus", "-b:a", "16k", "-ar", "16000"),
        convert(models, best, tmp_path / "c.wav", "-ar", "8000", "-c:a", "pcm_mulaw"),
        convert(models, best, tmp_path / "d.m4a", "-b:a", "48k", "-af", "volume=-20dB"),
        convert(models, best, tmp_path / "e.ogg", "-c:a", "libvorbis", "-ac", "2"),
    ]
    items = taken_in(tmp_path, [*copies, best], models)
    result = unique.process(items, tmp_path, unique.Params(), None)

    assert result.drops == dict.fromkeys(
        ("a.mp3", "b.opus", "c.wav", "d.m4a", "e.ogg"), "same sound as original.wav"
    )


def test_the_same_words_spoken_twice_are_both_kept(tmp_path, models, speech):
    """Another take of the same length: the words are elsewhere, by a tenth of a second or so."""
    samples, rate_hz = speech
    half = len(samples) // 2
    faster, slower = (
        np.interp(np.linspace(0, 1, round(half * f)), np.linspace(0, 1, half), part)
        for f, part in ((0.97, samples[:half]), (1.03, samples[half : 2 * half]))
    )
    first = wav(tmp_path / "first.wav", samples, rate_hz)
    second = wav(tmp_path / "second.wav", np.concatenate([faster, slower]), rate_hz)

    result = unique.process(taken_in(tmp_path, [first, second], models), tmp_path, None, None)

    assert not result.drops


def test_other_sounds_of_the_same_length_are_all_kept(tmp_path, models):
    rng = np.random.default_rng(0)
    files = [wav(tmp_path / f"{i}.wav", 0.1 * rng.normal(size=44_100 * 3)) for i in range(4)]
    sample = Path(__file__).parent.parent / "data/sample/monologue.flac"
    files += [
        wav(tmp_path / f"at {at}.wav", *audio.read(sample, at, at + 3.0)) for at in (0.0, 6.0, 12.0)
    ]

    result = unique.process(taken_in(tmp_path, files, models), tmp_path, None, None)

    assert not result.drops


@given(
    seed=st.integers(0, 2**32 - 1),
    first=st.integers(0, 40),
    others=st.lists(st.integers(0, 40), min_size=1, max_size=5),
)
def test_one_fingerprint_is_held_against_many_as_against_each(seed, first, others):
    chance = np.random.default_rng(seed)
    one, *many = (chance.random((n, fingerprint.BANDS)) < 0.5 for n in (first, *others))
    many.append(one.copy())
    stack = fingerprint.stacked(many)

    found = fingerprint.differences(one, stack, slice(1, None))

    assert found.tolist() == [
        fingerprint.difference((one, one), (other, other)) for other in many[1:]
    ]


@pytest.mark.parametrize("length_s", [1.2, 1.5, 2.0])
def test_short_recordings_that_are_alike_by_chance_are_all_kept(tmp_path, length_s):
    """Two hundred of a second or two: some pairs are as alike as copies of a minute may be."""
    chance = np.random.default_rng(0)
    frames = round(10 * length_s) - 5
    items, sounds = [], []
    for number in range(200):
        loose = chance.random(
            (frames + 3, fingerprint.BANDS)
        )  # speech changes more slowly than noise
        slow = loose[:-3] + loose[1:-2] + loose[2:-1] + loose[3:]
        sounds.append(slow > 2)
        text = fingerprint._encode(sounds[-1])
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "fingerprint.json").write_text(json.dumps({"start": text, "end": text}))
        facts = {"download_audio": {"sha256": str(number), "duration_s": length_s}}
        items.append(Item(str(number), "", "", {"download_audio": str(folder)}, facts))
    stack = fingerprint.stacked(sounds)
    pairs = [fingerprint.differences(sounds[k], stack, slice(k + 1, None)) for k in range(199)]

    assert not unique.process(items, tmp_path, unique.Params(), None).drops
    assert min(np.concatenate(pairs)) < alike.SAME_SOUND


def test_a_copy_is_found_in_whichever_block_of_recordings_it_lies(tmp_path, monkeypatch):
    """Thirty of the same length in blocks of four; the last sounds as the second does."""
    monkeypatch.setattr(alike, "BLOCK", 4)
    chance = np.random.default_rng(0)
    sounds = [chance.random((40, fingerprint.BANDS)) < 0.5 for _ in range(29)]
    items = []
    for number, bits in enumerate([*sounds, sounds[1]]):
        text = fingerprint._encode(bits)
        folder = tmp_path / f"{number:02}"
        folder.mkdir()
        (folder / "fingerprint.json").write_text(json.dumps({"start": text, "end": text}))
        facts = {"download_audio": {"sha256": str(number), "duration_s": 5.0}}
        items.append(Item(folder.name, "", "", {"download_audio": str(folder)}, facts))

    result = unique.process(items, tmp_path, unique.Params(), None)

    assert result.drops == {"29": "same sound as 01"}


def begun(length_s: float, chance: np.random.Generator) -> fingerprint.Bits:
    """The bits of a stranger's beginning, as many as a recording so long has."""
    frames = int(
        (min(fingerprint.PART_S, length_s) * fingerprint.RATE_HZ - fingerprint.FRAME) // 500
    )
    return chance.random((frames, fingerprint.BANDS)) < 0.5


def copied(bits: fingerprint.Bits, late: int, chance: np.random.Generator) -> fingerprint.Bits:
    """The same as a poor codec gives it back, `late` hops later: 24% of the bits are others."""
    before = chance.random((late, fingerprint.BANDS)) < 0.5
    return np.concatenate([before, bits ^ (chance.random(bits.shape) < 0.24)])


@pytest.mark.parametrize(
    "length_s", [5.0, 8.9, 9.0, 9.1, 11.2, 14.0, 30.0, 59.9, 60.1, 75.0, 600.0]
)
@pytest.mark.parametrize("late", [0, 3])
def test_a_copy_is_a_candidate_at_any_length_and_strangers_are_not(length_s, late, monkeypatch):
    """Among thirty as long, each one's copy is somewhat longer; many are held against each other
    at once, and some lengths lie where another way to compare begins."""
    monkeypatch.setattr(alike, "AT_ONCE", 7)
    chance = np.random.default_rng(0)
    lengths_s = [length_s + 0.005 * k for k in range(30)]
    starts = [begun(length, chance) for length in lengths_s]
    lengths_s += [length + 0.1 * late for length in lengths_s]
    starts += [copied(bits, late, chance) for bits in starts]
    order = sorted(range(60), key=lengths_s.__getitem__)

    found = alike.candidates([lengths_s[k] for k in order], lambda k: starts[order[k]])
    pairs = {(order[one], order[k]) for one, near in found for k in near}
    assert {tuple(sorted(pair)) for pair in pairs} == {(k, k + 30) for k in range(30)}


def test_recordings_much_longer_than_each_other_are_compared_with_their_like_only():
    chance = np.random.default_rng(0)
    lengths_s = sorted(chance.uniform(1.0, 90.0, 100).tolist())
    starts = [begun(length, chance) for length in lengths_s]
    starts[1::2] = [bits.copy() for bits in starts[::2]]

    found = dict(alike.candidates(lengths_s, starts.__getitem__))
    close = [k for k in range(0, 100, 2) if lengths_s[k + 1] - lengths_s[k] <= alike.SAME_LENGTH_S]
    expected = {k: [k + 1] for k in close if len(starts[k]) >= 12}  # of less, too little to tell
    assert {one: near for one, near in found.items() if near} == expected
    assert list(found) == list(range(100))


def test_a_copy_goes_rather_than_what_it_was_copied_from(tmp_path):
    items = [item(name, "1") for name in ("talk (copy).wav", "talk copy 2.wav", "talk.wav")]
    items = [replace(one, folders={"download_audio": str(tmp_path)}) for one in items]
    (tmp_path / "fingerprint.json").write_text(json.dumps({"start": "", "end": ""}))

    drops = unique.process(items, tmp_path, unique.Params(), None).drops

    assert drops == dict.fromkeys(
        ("talk (copy).wav", "talk copy 2.wav"), "same content as talk.wav"
    )


def test_a_recording_that_is_out_already_keeps_none_out(tmp_path):
    items = [item("a", "1", dropped="too_short: 0.4 s is shorter than 1 s"), item("b", "1")]

    assert not unique.process(items, tmp_path, unique.Params(), None).drops


@pytest.mark.parametrize("count", [0, 1])
def test_with_one_recording_or_none_there_is_nothing_to_compare(tmp_path, count):
    assert not unique.process([item("a", "1")] * count, tmp_path, unique.Params(), None).drops

"""Any recording to mono FLAC, in a stream.

In:  a local file that ffmpeg reads.
Out: mono 24-bit FLAC at the file's own rate, at most 48 kHz, and what was measured on the way.
Left out: whether that is good enough (thresholds are the stage's).

Two channels are averaged; where they cancel each other (a miswired cable), the louder one is
taken alone. Sound beyond full scale (float files; lossy codecs overshoot) is scaled down as a
whole, not clipped. Both are known only at the end, so such a file is decoded a second time.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from math import log10
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline import audio
from pipeline.audio import Samples
from pipeline.stages.download_audio import reasons
from pipeline.stages.download_audio.ffmpeg import Log, Stalled, stream

MAX_HZ = 48_000  # twice the dataset's rate; above it there is nothing for a 24 kHz voice
BLOCK_BYTES = 1 << 20
AU_HEAD_BYTES = 24  # magic, offset of the data, its size, encoding, rate, channels: 6 x uint32
FULL_SCALE = 0.999  # a 16-bit sample at its limit is 0.99997; measured on each channel
CANCELLED = 0.01  # mono 20 dB below its channels; independent channels lose 3 dB
PACKET_S = 0.02  # the usual sound in a packet; with more bad ones than that, the rest is noise
TOO_DAMAGED = 69  # ffmpeg's exit code when more than 2/3 of the packets were errors


@dataclass(frozen=True)
class Pass:
    """How channels become one, and the factor that keeps the result in -1..1."""

    mix: str = "mean"  # or "left", "right"
    gain: float = 1.0


@dataclass
class Meter:
    """What was seen in one pass; `peak` and `power` are those of the written sound."""

    rate_hz: int = 0
    samples: int = 0
    peak: float = 0.0
    energy: float = 0.0
    frames: int = 0  # before resampling
    broken: int = 0  # samples that are NaN or infinite, written as 0
    channel_energy: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))
    full_scale: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, np.int64))

    def see(self, frames: Samples) -> None:
        self.frames += len(frames)
        self.channel_energy = self.channel_energy + np.sum(np.square(frames, dtype=np.float64), 0)
        self.full_scale = self.full_scale + np.sum(np.abs(frames) >= FULL_SCALE, 0)

    def wrote(self, samples: Samples) -> None:
        self.samples += len(samples)
        if len(samples):
            self.peak = max(self.peak, float(np.max(np.abs(samples))))
            self.energy += float(np.sum(np.square(samples, dtype=np.float64)))


@dataclass(frozen=True)
class Decoded:
    """What was written, and what the file was."""

    rate_hz: int
    source_rate_hz: int
    samples: int
    peak_db: float  # of what was written
    level_db: float
    gain_db: float  # what was taken off to stay within full scale; 0 for nearly every file
    mix: str
    clipped_ratio: float  # samples at or beyond full scale in the worst channel, before scaling
    broken_samples: int
    contents: reasons.Contents
    damage: int  # complaints of ffmpeg about damaged data
    is_cut_off: bool  # by ffmpeg's word; a cut between two packets is known by missing_s alone

    @property
    def duration_s(self) -> float:
        return self.samples / self.rate_hz

    @property
    def missing_s(self) -> float:
        """Seconds that the container promises and that are not there; 0 if it may just be so."""
        missing = self.contents.promised_s - self.duration_s
        if self.contents.has_video and not self.damage:
            return 0.0  # a picture that goes on after the sound is no damage
        return missing if missing > max(0.25, 0.01 * self.contents.promised_s) else 0.0


def decode(argv: list[str], out: Path, stall_s: float, max_s: float) -> Decoded:
    """Write what the ffmpeg command `argv` decodes to `out`, a FLAC file.

    Raises ValueError("reason; what next"), without the file's name, if nothing decodes.
    """
    how, log = Pass(), Log()
    meter = _run(argv, out, how, log, stall_s, max_s)
    if (better := _better(meter)) != how:
        how, first = better, meter
        meter = _run(argv, out, how, Log(), stall_s, max_s)
        if how.gain == 1.0 and meter.peak > 1.0:  # the louder channel alone was too loud
            how = Pass(how.mix, 1.0 / meter.peak)
            meter = _run(argv, out, how, Log(), stall_s, max_s)
        if meter.frames != first.frames:
            raise ValueError("it changed while it was read; try again when it is complete")
    return _decoded(meter, how, log)


def _better(meter: Meter) -> Pass:
    channels, frames = meter.channel_energy, max(1, meter.frames)
    mono = meter.energy / max(1, meter.samples)
    if len(channels) == 2 and mono < CANCELLED * float(channels.mean()) / frames:
        return Pass("left" if channels[0] >= channels[1] else "right")
    return Pass(gain=1.0 / meter.peak if meter.peak > 1.0 else 1.0)


def _decoded(meter: Meter, how: Pass, log: Log) -> Decoded:
    found = reasons.contents(log)
    power = meter.energy / meter.samples
    rate_hz = min(meter.rate_hz, MAX_HZ)
    return Decoded(
        rate_hz=rate_hz,
        source_rate_hz=meter.rate_hz,
        samples=meter.samples,
        peak_db=_db(meter.peak),
        level_db=_db(power**0.5),
        gain_db=_db(how.gain),
        mix=how.mix if len(meter.channel_energy) > 1 else "mono",
        clipped_ratio=float(meter.full_scale.max()) / max(1, meter.frames),
        broken_samples=meter.broken,
        contents=found,
        damage=reasons.damage(log) + (log.returncode > 0),
        is_cut_off=reasons.is_cut_off(log),
    )


def _db(amplitude: float) -> float:
    return max(audio.FLOOR_DB, 20 * log10(amplitude)) if amplitude > 0 else audio.FLOOR_DB


def _run(argv: list[str], out: Path, how: Pass, log: Log, stall_s: float, max_s: float) -> Meter:
    """Decode once, from the start to the end, and write `out`."""
    try:
        meter = _write(stream(argv, stall_s, log), out, how, max_s)
    except Stalled as err:
        raise ValueError(f"ffmpeg {err} and was stopped; re-encode the file") from err
    if log.returncode < 0:
        raise ValueError(f"ffmpeg crashed on it (signal {-log.returncode}); re-encode the file")
    if reasons.is_protected(log):
        raise ValueError("it is copy-protected (DRM); use an unprotected copy")
    bad_s = PACKET_S * reasons.damage(log)  # ffmpeg 7.0 exits with 0 all the same
    if log.returncode == TOO_DAMAGED or (meter.samples and bad_s > meter.frames / meter.rate_hz):
        raise ValueError("most of it does not decode; remove it or use an undamaged copy")
    if not meter.samples:
        raise ValueError(reasons.refusal(log) if log.returncode else EMPTY)
    return meter


EMPTY = "0 seconds of sound in it; remove it or use a complete copy"


def _write(parts: Iterator[bytes], out: Path, how: Pass, max_s: float) -> Meter:
    meter = Meter()
    blocks = _blocks(parts)
    head = next(blocks, b"")
    if len(head) < AU_HEAD_BYTES or head[:4] != b".snd":
        for _ in blocks:  # to the end, for the exit code and the message
            pass
        return meter
    data_at, _, _, meter.rate_hz, channels = np.frombuffer(head, ">u4", 5, 4).tolist()
    with audio.Writer(out, min(meter.rate_hz, MAX_HZ)) as file:
        for samples in _resampled(_mono(head[data_at:], blocks, channels, how, meter), meter):
            meter.wrote(samples)
            file.write(samples)
            if meter.frames > max_s * meter.rate_hz:
                raise ValueError(
                    f"longer than {max_s / 3600:g} h; split it, or raise --max-recording-h"
                )
    return meter


def _blocks(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in blocks of about BLOCK_BYTES (a pipe gives 64 KB at a time)."""
    held = bytearray()
    for part in parts:
        held += part
        if len(held) >= BLOCK_BYTES:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)


def _mono(
    first: bytes, blocks: Iterator[bytes], channels: int, how: Pass, meter: Meter
) -> Iterator[Samples]:
    """Yield the frames as one channel, float32 (samples,)."""
    whole = 4 * channels
    rest = first
    while True:
        usable = len(rest) // whole * whole
        frames = np.frombuffer(rest[:usable], ">f4").astype(np.float32).reshape(-1, channels)
        finite = np.isfinite(frames)
        if not finite.all():
            meter.broken += int(np.sum(~finite))
            frames = np.where(finite, frames, np.float32(0))
        meter.see(frames)
        yield _mixed(frames, how)
        block = next(blocks, None)
        if block is None:
            return
        rest = rest[usable:] + block


def _mixed(frames: Samples, how: Pass) -> Samples:
    if how.mix == "mean" or frames.shape[1] == 1:
        mono = frames.mean(axis=1, dtype=np.float64)
    else:
        mono = frames[:, 0 if how.mix == "left" else 1].astype(np.float64)
    return np.asarray(mono * how.gain, dtype=np.float32)


def _resampled(blocks: Iterator[Samples], meter: Meter) -> Iterator[Samples]:
    """Yield the blocks at MAX_HZ where their rate is above it, without seams."""
    first = next(blocks, None)
    if first is None:
        return
    # subtle: the rate is known with the first block, not before
    whole = chain([first], blocks)
    yield from audio.resampled(whole, meter.rate_hz, min(meter.rate_hz, MAX_HZ))

"""What ffmpeg's messages mean: what the file holds, what is wrong with it, what to do.

The wordings are those of ffmpeg 4 to 9; what is not recognised is quoted as it stands.
"""

import re
from dataclasses import dataclass

from pipeline.stages.download_audio.ffmpeg import Log

# First match wins. (pattern in ffmpeg's messages, what is wrong, what next)
REASONS = [
    (r"not on whitelist", "a playlist or script, not a recording", "give the recordings it names"),
    (
        r"activation_bytes|\((?:enca|drms|drmi|aavd)[ )]|[Ee]ncrypted",
        "it is copy-protected (DRM)",
        "use an unprotected copy",
    ),
    (
        r"moov atom not found|no 'data' tag|no data found",
        "it is cut off: its index is missing",
        "copy or download it again",
    ),
    (
        r"does not contain any stream|matches no streams",
        "no audio stream",
        "remove it or use a file with sound",
    ),
    (
        r"[Dd]ecoder .*not found|Unknown (?:decoder|codec)|unknown codec",
        "this ffmpeg has no decoder for it",
        "convert it to WAV or FLAC",
    ),
    (r"Permission denied", "permission denied", "make it readable"),
    (
        r"Invalid data found|Invalid argument|could not find codec|Conversion failed"
        r"|Error opening input|Could not open encoder|Nothing was written",
        "not audio or video, or damaged beyond reading",
        "remove it or re-encode it",
    ),
]
PROTECTED = re.compile(r"Audio: [^\n]*\((?:enca|drms|drmi|aavd)[ )]")  # sample entries of DRM
DAMAGE = re.compile(
    r"error submitting packet to decoder|error while decoding|decoding error|corrupt input packet"
    r"|ended prematurely|partial file|error during demuxing|filesize and duration do not match",
    re.IGNORECASE,
)
# The end is not there. In a transport stream a corrupt packet is a lost one, anywhere.
CUT_OFF = re.compile(
    r"ended prematurely|partial file|filesize and duration do not match"
    r"|in#0/(?!mpegts)\S+ @ \S+\] corrupt input packet|^.+: corrupt input packet",
    re.IGNORECASE | re.MULTILINE,
)
MAPPED = re.compile(r"^ +Stream #(\d+:\d+) -> #0:0 \((\S+) ", re.MULTILINE)
INPUT = re.compile(r"^Input #0, (\S+), from ", re.MULTILINE)
DURATION = re.compile(r"^  Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)", re.MULTILINE)
LAYOUTS = {"mono": 1, "stereo": 2, "downmix": 2, "quad": 4, "hexagonal": 6, "octagonal": 8}


@dataclass(frozen=True)
class Contents:
    """What the file says of itself."""

    codec: str  # "aac"
    container: str  # "mov"
    channels: int  # of the stream that is decoded; 0 where ffmpeg does not say
    promised_s: float  # length by the container, 0 where it only guesses
    has_video: bool


def contents(log: Log) -> Contents:
    """Return what ffmpeg found in the file."""
    text = log.text
    mapped, container = MAPPED.search(text), INPUT.search(text)
    stream = mapped[1] if mapped else "0:0"
    line = re.search(rf"^ +Stream #{stream}\b.*Audio: (.*)$", text, re.MULTILINE)
    video = re.findall(r"^ +Stream #0:\d+.*: Video: (.*)$", text, re.MULTILINE)
    return Contents(
        codec=mapped[2] if mapped else "",
        container=container[1].split(",")[0] if container else "",
        channels=_channels(line[1]) if line else 0,
        promised_s=_promised_s(text),
        has_video=any("attached pic" not in one for one in video),
    )


def refusal(log: Log) -> str:
    """Return why nothing was decoded, and what next: "no audio stream; remove it or ..."."""
    # The file's own name is in such a line, and may hold any word.
    text = re.sub(r"(?m)^(Error opening input file |Input #0).*$", "", log.text)
    for pattern, reason, hint in REASONS:
        if re.search(pattern, text):
            return f"{reason}; {hint}"
    said = [line.strip() for line in text.splitlines() if line.strip()]
    return (
        f"nothing in it decodes (ffmpeg: {said[-1][:200] if said else 'no message'}); re-encode it"
    )


def damage(log: Log) -> int:
    """Return how many complaints about damaged data there are in what was kept of the messages."""
    return len(DAMAGE.findall(log.text))


def is_cut_off(log: Log) -> bool:
    """Return whether ffmpeg noticed that the end of the file is not there."""
    return bool(CUT_OFF.search(log.text))


def is_protected(log: Log) -> bool:
    """Return whether the decoded stream is encrypted: what comes out of it is noise."""
    return bool(PROTECTED.search(log.text))


def _channels(line: str) -> int:
    """Return the channels of "aac (LC), 44100 Hz, 5.1(side), fltp".

    >>> _channels("flac, 96000 Hz, 5.1(side), s32")
    6
    """
    layout = re.search(r"\d+ Hz, ([^,\n]+)", line)
    if not layout:
        return 0
    if counted := re.match(r"(\d+) channels", layout[1]):
        return int(counted[1])
    if dotted := re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", layout[1]):
        return sum(int(part) for part in dotted.groups() if part)
    return LAYOUTS.get(layout[1].split("(")[0].strip(), 0)


def _promised_s(text: str) -> float:
    found = DURATION.search(text)
    if not found or "Estimating duration from bitrate" in text:
        return 0.0
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3])

"""The media of a web page, by yt-dlp: an optional extra, imported only when a page comes up."""

import re
from pathlib import Path
from typing import Any

from pipeline.stages.download_audio.fetch import Limits

MISSING = "it is a web page, and yt-dlp is not installed; pip install yt-dlp, then --resume"


def fetch_page(url: str, folder: Path, limits: Limits, ffmpeg: str) -> Path:
    """Return the path of the media of the page at `url`, downloaded into `folder`.

    Raises ValueError("reason; what next") without the URL. Half a download is continued.
    """
    try:
        import yt_dlp
    except ImportError as err:
        raise ValueError(MISSING) from err
    folder.mkdir(parents=True, exist_ok=True)
    with yt_dlp.YoutubeDL(_options(folder, limits, ffmpeg)) as downloader:
        try:
            _check_one(downloader.extract_info(url, download=False))
            found = _only(downloader.extract_info(url, download=True))
        except yt_dlp.utils.YoutubeDLError as err:
            raise ValueError(f"{_plain(err)}; check the page, or update yt-dlp") from err
    downloads = found.get("requested_downloads") or []
    paths = [Path(one["filepath"]) for one in downloads if one.get("filepath")]
    if len(paths) != 1 or not paths[0].is_file():
        raise ValueError(
            f"yt-dlp downloaded nothing (the limit is {limits.max_bytes / 1e6:,.0f} MB, "
            "--max-download-mb); check the page"
        )
    return paths[0]


def _options(folder: Path, limits: Limits, ffmpeg: str) -> dict[str, Any]:
    def check_size(progress: dict[str, Any]) -> None:
        if progress.get("downloaded_bytes", 0) > limits.max_bytes:
            raise ValueError(
                f"over the limit of {limits.max_bytes / 1e6:,.1f} MB; "
                "raise --max-download-mb if it is meant"
            )

    return {
        "format": "bestaudio/best",
        "outtmpl": {"default": str(folder).replace("%", "%%") + "/media.%(ext)s"},
        "noplaylist": True,
        "extract_flat": "in_playlist",  # a list's entries are counted, not opened one by one
        "socket_timeout": limits.stall_s,
        "retries": limits.attempts,
        "fragment_retries": limits.attempts,
        "skip_unavailable_fragments": False,
        "max_filesize": limits.max_bytes,
        "progress_hooks": [check_size],
        "ffmpeg_location": ffmpeg,
        "logger": _Silence(),
        "quiet": True,
        "noprogress": True,
        "color": "never",
        "cachedir": False,
    }


class _Silence:
    """Keeps yt-dlp off our stderr: its messages hold addresses, and what is wrong is raised."""

    def debug(self, message: str) -> None:
        """Say nothing."""

    warning = error = debug


def _check_one(info: dict[str, Any] | None) -> None:
    count = len(list((info or {}).get("entries") or [])) if info else 0
    if count > 1:
        raise ValueError(f"the page lists {count} media; give the page of each one")


def _only(info: dict[str, Any] | None) -> dict[str, Any]:
    entries = list((info or {}).get("entries") or [])
    return entries[0] if entries else info or {}


def _plain(err: Exception) -> str:
    """Return yt-dlp's message in one line, without addresses: they may hold secrets."""
    text = re.sub(r"https?://\S+", "the page", str(err).removeprefix("ERROR: "))
    return " ".join(text.split())[:300]

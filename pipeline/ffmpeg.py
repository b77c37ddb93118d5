"""Which ffmpeg is used.

In:  this machine. Out: the path of one.
Left out: what it is asked for (whoever asks).
"""

import shutil

from pipeline.item import Unusable


def find_ffmpeg() -> str:
    """Return the ffmpeg on PATH, else the one that imageio-ffmpeg carries; Unusable if neither."""
    if found := shutil.which("ffmpeg"):
        return found
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError) as err:
        raise Unusable(
            "no ffmpeg: install it (apt-get install ffmpeg) or pip install imageio-ffmpeg"
        ) from err

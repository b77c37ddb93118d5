"""Whether flock can be believed where a folder lies: only on file systems of one kernel.

In:  a folder. Out: whether it may be shared with another machine, or is of a kind unknown to us.
Source: mount points and types from /proc/self/mountinfo, see proc(5). On NFS with `nolock`, and on
virtiofs and 9p of desktop container engines, one flock can be granted twice.
"""

import re
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
# of the kernel itself, on a disk, in memory or over others of its own; see filesystems(5)
_LOCAL = (
    "ext2", "ext3", "ext4", "xfs", "btrfs", "bcachefs", "zfs", "f2fs", "jfs", "reiserfs", "nilfs2",
    "tmpfs", "ramfs", "rootfs", "overlay", "aufs", "vfat", "exfat", "ntfs", "ntfs3", "hfsplus",
)  # fmt: skip


def may_be_shared(folder: Path, mounts: Path = MOUNTS) -> bool:
    """Return whether another machine may write in `folder`; no where nothing tells (macOS)."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return False
    return file_system(folder.resolve(), lines) not in _LOCAL


def file_system(path: Path, lines: list[str]) -> str:
    """Return the type of the file system that holds an absolute path; "" if no mount does."""
    found, depth = "", -1
    for line in lines:
        mount, kind = _mount(line)
        # subtle: >=; of two mounts on one point the later hides the earlier
        if mount is not None and path.is_relative_to(mount) and len(mount.parts) >= depth:
            found, depth = kind, len(mount.parts)
    return found


def _mount(line: str) -> tuple[Path | None, str]:
    """Return (mount point, type) of a line of mountinfo.

    >>> _mount(r"36 35 98:0 / /a\\040b rw shared:1 - ext4 /dev/sda rw")
    (PosixPath('/a b'), 'ext4')
    """
    head, dash, tail = line.partition(" - ")
    words = head.split(" ")
    if not dash or len(words) < 5:
        return None, ""
    point = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), words[4])
    return Path(point), tail.split(" ")[0]

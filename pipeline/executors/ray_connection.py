"""Ray, and the cluster that a run is part of: found quickly, or refused in words.

In:  --ray-address. Out: the library, connected, or `NoCluster` with what would help.
Left out: starting a cluster (docs/ray.md).
"""

import importlib
import logging
import socket
import sys
from typing import Any

ANSWERS_S = 10.0  # a head that takes longer to accept a connection is not there
MESSAGE_CHARS = 500  # of Ray's: it explains itself at length, versions first


class NoCluster(RuntimeError):
    """There is no cluster to work on; the text says what would help."""


def ray() -> Any:
    """Return the library; NoCluster where it is not installed."""
    try:
        return importlib.import_module("ray")
    except ImportError as err:
        raise NoCluster(
            "--executor ray: Ray is not installed; pip install -e '.[ray]' here and on every "
            "machine of the cluster"
        ) from err


def connect(address: str) -> Any:
    """Become part of the cluster, if we are not; return Ray. Raises NoCluster."""
    library = ray()
    if library.is_initialized():
        return library
    _check_address(address)
    try:
        library.init(address=address or "auto", log_to_driver=False, logging_level=logging.ERROR)
    except Exception as err:  # of several kinds, all of them of the cluster
        raise NoCluster(f"--ray-address {address or 'auto'}: {_one_line(err)}") from err
    return library


def leave() -> None:
    """Leave the cluster, if there is one that we are part of."""
    if sys.modules.get("ray"):
        ray().shutdown()


def _check_address(address: str) -> None:
    """Raise NoCluster where nobody listens: Ray itself would try for a minute."""
    if address in ("", "auto"):
        return
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdecimal():
        raise NoCluster(
            f"--ray-address {address}: give HOST:PORT of the head (`ray start --head` says it), and"
            " run on a machine of the cluster"
        )
    try:
        socket.create_connection((host, int(port)), ANSWERS_S).close()
    except (OSError, OverflowError) as err:
        raise NoCluster(
            f"--ray-address {address}: no Ray answers there ({err}); start it with `ray start"
            " --head` or give the address that it said"
        ) from err


def _one_line(err: Exception) -> str:
    return " ".join(str(err).split())[:MESSAGE_CHARS]

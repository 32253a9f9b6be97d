"""The peers that are installed, as detectors."""

from imu_bench.detector import Outside
from imu_bench.peers.catalog import Entry, entries
from imu_bench.peers.install import available, install, is_installed
from imu_bench.peers.outside import Peer

__all__ = ["peers", "installed", "install", "available"]


def installed() -> tuple[Entry, ...]:
    """Detectors whose environment is there, in the order of peers.toml."""
    return tuple(entry for entry in entries() if is_installed(entry.environment))


def peers() -> list[Outside]:
    """The same, ready to run."""
    return [Peer.installed(entry) for entry in installed()]

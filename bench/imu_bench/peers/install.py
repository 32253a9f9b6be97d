"""Environments of peers: made from a package index, below one folder of the user's cache, apart from each other and us.

A peer's packages never come into our process, and ours never into the peer's: the versions that it wants are its own.
"""

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from imu.core.errors import RetrogaitError
from imu_bench.peers.catalog import Environment, environment, environments

VARIABLE: Final = "RETROGAIT_PEERS"
STAMP: Final = "retrogait-peer.json"
"""Written last: an environment without it is not whole."""
OFFLINE: Final = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeoutError|ReadTimeoutError|ProxyError|Connection refused"
    r"|Temporary failure in name resolution|Network is unreachable|connection broken",
    re.IGNORECASE,
)
LINE: Final = 200
OUR_PYTHON: Final = ".".join(platform.python_version_tuple()[:2])

Tell = Callable[[str], None]


class CannotInstall(RetrogaitError, RuntimeError):
    """An environment that was not made; the others of the same call are tried."""


def home() -> Path:
    """Where environments lie: RETROGAIT_PEERS, else ~/.cache/retrogait/peers."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "retrogait" / "peers"


def python_of(name: str) -> Path:
    """The interpreter of an environment, there or not."""
    return home() / name / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def is_installed(wanted: Environment) -> bool:
    """Whether it is there, whole, and holds what peers.toml asks for."""
    try:
        stamp = json.loads((home() / wanted.name / STAMP).read_bytes())
    except (OSError, ValueError):
        return False
    return stamp == _stamp(wanted) and python_of(wanted.name).exists()


def available() -> Mapping[str, bool]:
    """Each environment by name, and whether it is installed."""
    return {name: is_installed(wanted) for name, wanted in environments().items()}


def versions(name: str, packages: Sequence[str]) -> dict[str, str]:
    """The versions of packages as the environment itself has them; what it lacks is left out."""
    folder = home() / name
    path = [str(found) for found in (*folder.glob("lib/python*/site-packages"), *folder.glob("Lib/site-packages"))]
    found = {package: next(iter(distributions(name=package, path=path)), None) for package in packages}
    return {package: one.version for package, one in found.items() if one is not None}


def install(names: Sequence[str] = (), *, tell: Tell = lambda _: None) -> Mapping[str, str]:
    """Make the environments of these names, all of them if there are none. What is there stays; what was broken off
    goes on. `tell` is given a line on each.

    Returns:
        Of those that failed, the reason by name, in one line.

    Raises:
        NoSuchPeer: a name that peers.toml does not know; then nothing was done.
    """
    failed: dict[str, str] = {}
    for wanted in [environment(name) for name in names or environments()]:
        if is_installed(wanted):
            tell(f"{wanted.name} is installed already")
            continue
        tell(f"installing {wanted.name} ({len(wanted.requires)} packages)")
        try:
            _make(wanted)
        except CannotInstall as error:
            failed[wanted.name] = str(error)
            tell(str(error))
        else:
            tell(f"{wanted.name} is installed in {home() / wanted.name}")
    return failed


def _make(wanted: Environment) -> None:
    folder, python = home() / wanted.name, python_of(wanted.name)
    (folder / STAMP).unlink(missing_ok=True)
    if not _runs(python):
        # made by a Python that has gone since, or broken off; or it is somebody's own folder
        if folder.exists() and any(folder.iterdir()) and not (folder / "pyvenv.cfg").exists():
            raise CannotInstall(
                f"{wanted.name} was not installed: {folder} is no environment; want another folder in {VARIABLE}"
            )
        shutil.rmtree(folder, ignore_errors=True)
        ours = [] if find_spec("pip") is None else ["--without-pip"]
        _called(wanted, [sys.executable, "-m", "venv", *ours, str(folder)], "no virtual environment could be made")
    pip = [str(python), "-m", "pip"]
    if find_spec("pip") is not None:
        pip = [sys.executable, "-m", "pip", "--python", str(python)]
    _called(
        wanted,
        [*pip, "--disable-pip-version-check", "--no-input", "--retries", "2", "install", *wanted.requires],
        "pip did not install it",
    )
    (folder / STAMP).write_text(json.dumps(_stamp(wanted)), encoding="utf-8")


def _runs(python: Path) -> bool:
    """Whether it is there, and as new as this Python."""
    ask = "import sys; print(*sys.version_info[:2], sep='.')"
    try:
        ended = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=False)  # noqa: S603
    except OSError:
        return False
    return ended.stdout.strip() == OUR_PYTHON


def _called(wanted: Environment, command: Sequence[str], failure: str) -> None:
    """Run it, and make of what it complains about one line."""
    home().mkdir(parents=True, exist_ok=True)
    try:
        ended = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)  # noqa: S603
    except OSError as error:
        raise CannotInstall(f"{wanted.name} was not installed: {error}") from error
    log = home() / f"{wanted.name}.log"
    log.write_text(ended.stdout + ended.stderr, encoding="utf-8")
    if ended.returncode == 0:
        return
    if OFFLINE.search(ended.stderr + ended.stdout):
        raise CannotInstall(
            f"{wanted.name} was not installed: no package index could be reached (no network?);"
            " what is there stays, and the next call goes on"
        )
    lines = [line for line in (ended.stderr or ended.stdout).splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")] or lines[-1:] or [f"exit {ended.returncode}"]
    raise CannotInstall(f"{wanted.name} was not installed: {failure}: {errors[-1].strip()[:LINE]} (all in {log})")


def _stamp(wanted: Environment) -> dict[str, str]:
    """What an environment was made of."""
    digest = hashlib.sha256("\n".join(sorted(wanted.requires)).encode()).hexdigest()
    return {"requires": digest, "python": OUR_PYTHON}

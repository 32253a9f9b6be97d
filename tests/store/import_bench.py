"""A map, files that it fits, and what an import made of them."""

from pathlib import Path

import pytest

from imu.core.errors import BadImport, RetrogaitError
from imu.store.folder import find_sessions, read_session
from imu.store.import_csv import import_csv
from imu.store.raw import raw_path, read_raw
from tests.store.raw_files import whole

HEADER = "time,n,ax,ay,az,gx,gy,gz"
ROWS = 30
RATE_HZ = 100


def sensor(name, *, extra="", t='column = "time", unit = "s"', acc="m/s^2", gyr="rad/s", rate_hz=RATE_HZ):
    return f"""
[sensors.{name}]
rate_hz = {rate_hz}
t = {{ {t} }}
acc = {{ columns = ["ax", "ay", "az"], unit = "{acc}" }}
gyr = {{ columns = ["gx", "gy", "gz"], unit = "{gyr}" }}
{extra}
"""


SESSION = """
[session]
subject = "S01"
session = "one"
"""
PLAIN = SESSION + sensor("foot_left")


def lines(times=None, first=0):
    times = [k / RATE_HZ for k in range(ROWS)] if times is None else times
    return [f"{t},{first + k},{k}.5,2,3,-4,5,6e0" for k, t in enumerate(times)]


class Bench:
    """A folder with a map and files, and what the import made of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def run(self, toml: str, *contents: str | list[str] | bytes, names: tuple[str, ...] = ()) -> Path:
        files = []
        for k, content in enumerate(contents):
            body = "\n".join([HEADER, *content]) + "\n" if isinstance(content, list) else content
            files.append(self.put(names[k] if names else f"file{k}.csv", body))
        return import_csv(files, self.put("map.toml", toml), self.folder / "store")

    def refused(self, toml: str, *contents: str | list[str] | bytes, **options) -> RetrogaitError:
        with pytest.raises(BadImport) as caught:
            self.run(toml, *contents, **options)
        message = str(caught.value)
        assert "\n" not in message
        assert "want" in message or "can't be read" in message
        assert find_sessions([str(self.folder)])[0].args, "a failed import leaves no session"
        return caught.value


def rows_of(folder, name="foot_left"):
    return whole(read_raw(raw_path(folder, name), name, read_session(folder).sensors[name]))

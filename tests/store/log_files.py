"""A small log, and what is read of one."""

from imu.store.log import HEAD, Kind, LogFrame, LogHeader, Source, read_log
from imu.store.log_writer import LogWriter

LEFT = Source("OGI-0001", "ogi", "foot_left", {"model": "XIAO", "rate_hz": 200.0})
BELT = Source("T-9", "ftms", None, {})
HEADER = LogHeader("2026-11-21T10:00:00Z", 77, (LEFT, BELT), {"subject": "S01", "note": "größer"})
PACKETS = [(Kind.NOTIFICATION, 0, 100, b"\x00\x01abc"), (Kind.PING, 1, 200, b""), (Kind.NOTIFICATION, 1, 300, b"xyz\0")]


def written(path, packets=PACKETS, header=HEADER):
    with LogWriter(path, header) as log:
        for packet in packets:
            log.put(LogFrame(*packet))
    return path.read_bytes()


def read(path):
    with read_log(path) as log:
        return list(log), log.end


def ends_of(content):
    """Where frames of a log that is right end."""
    ends = [0]
    while ends[-1] < len(content):
        ends.append(ends[-1] + HEAD.size + HEAD.unpack_from(content, ends[-1])[3] + 4)
    return ends[1:]

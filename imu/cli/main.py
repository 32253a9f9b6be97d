"""The command `imu`."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from imu.cli.front import Program, enter

EXAMPLES: Final = """\
examples:
  imu demo                       nothing is needed for it
  imu inspect walks/monday       what is in a recording, and can one rely on it?
  imu reprocess walks            analyse every session in a folder
  imu COMMAND --help             more of one command
"""

COMMANDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "demo": ("imu.cli.demo", "show it all on a simulated person; no sensors needed"),
        "reprocess": ("imu.cli.reprocess", "analyse recorded sessions, stores or globs"),
        "inspect": ("imu.cli.inspect", "say what is in a session"),
        "import": ("imu.cli.import_", "make a session of recordings in another format"),
        "simulate": ("imu.cli.simulate", "write a session of a simulated person, with its known truth"),
        "live": ("imu.cli.live", "sensors or a recording, seen while it happens"),
        "record": ("imu.cli.record", "sensors into a session, without looking on"),
        "recover": ("imu.cli.recover", "make a session of the log that a crashed recording left"),
        "devices": ("imu.cli.devices", "list the sensors in the air, and say which is worn where"),
        "doctor": ("imu.cli.doctor", "measure the link to your own sensors, and say what to do"),
        "warmup": ("imu.cli.warmup", "compile the kernels now, so that nothing waits for them later"),
    }
)


def main(argv: Sequence[str] | None = None, *, commands: Mapping[str, tuple[str, str]] = COMMANDS) -> int:
    """Run one command and return its exit code. `argv` is without the program's name; None = the process's own."""
    return enter(
        Program(
            name="imu",
            description="Gait in either direction from worn sensors.",
            examples=EXAMPLES,
            commands=commands,
        ),
        argv,
    )

"""The command `imu-bench`."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from imu.cli.front import Program, enter

EXAMPLES: Final = """\
examples:
  imu-bench list                            what can be run here
  imu-bench run simulated/all               nothing is needed for it
  imu-bench run --all && imu-bench report   all that is at hand, then a page and a table of it
  imu-bench COMMAND --help                  more of one command
"""

COMMANDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "run": ("imu_bench.commands.run", "detectors through scenarios, and scored: OUT/accuracy.json"),
        "list": ("imu_bench.commands.list", "name scenarios, perturbations and detectors"),
        "report": ("imu_bench.report.command", "one page and one Markdown table of what was measured"),
        "compare": ("imu_bench.report.compare", "two results side by side: what became better or worse"),
        "peers": ("imu_bench.commands.peers", "detectors of others: list them, install them"),
        "speed": ("imu_bench.commands.speed", "how fast, ours and peers side by side: OUT/speed.json"),
        "likeness": ("imu_bench.likeness.command", "simulated strides beside real ones"),
        "live": ("imu_bench.live.command", "what the live path costs, and how late it is"),
        "page": ("imu_bench.live.page", "what the page costs, and how late its cues are"),
    }
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. `argv` is without the program's name; None = the process's own."""
    return enter(
        Program(
            name="imu-bench",
            description="Detectors of gait events against known truth.",
            examples=EXAMPLES,
            commands=COMMANDS,
            stopped="stopped by Ctrl-C; what is done stays, and the next call goes on",
        ),
        argv,
    )

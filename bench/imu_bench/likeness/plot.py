"""Strides of several groups beside each other: pages of curves, one set a direction."""
# pyright: reportUnknownMemberType=false

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from imu.cli.terminal import counted
from imu.core.errors import CannotWrite, UsageError
from imu.core.samples import Floats
from imu.core.units import NS_PER_S
from imu_bench.likeness.groups import Group, Likeness
from imu_bench.likeness.signals import MARGIN, FootCut, PelvisCut
from imu_bench.likeness.strides import WALKING, Stride

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GRID_PCT: Final = np.linspace(-100.0 * MARGIN, 100.0 * (1.0 + MARGIN), 481)
"""Of the stride: 2.5 ms apart in one of a second, so that impacts keep their height."""
ABREAST: Final = 5
"""Groups on a page."""
THIN: Final = 40
"""More strides than that are not drawn one by one; the median is that of all."""
WIDTH_IN, HEIGHT_IN, HEAD_IN, DPI = 3.1, 1.75, 1.3, 110
STRIDE_COLOUR, MEDIAN_COLOUR, STANCE_COLOUR = "#0072b2", "#111111", "#eceae2"


@dataclass(frozen=True, slots=True)
class Panel:
    """One row of a page."""

    label: str
    curves: Callable[[Group], list[Floats]]
    """(len(GRID_PCT),) of each stride; NaN where there is no sample."""


def _on(stride: Stride, t_s: Floats, values: Floats) -> Floats:
    return np.interp(GRID_PCT, 100.0 * t_s / stride.seconds, values, left=np.nan, right=np.nan)


def _foot(values: Callable[[FootCut], Floats]) -> Callable[[Group], list[Floats]]:
    return lambda group: [_on(cut.stride, cut.t_s, values(cut)) for cut in group.feet]


def _pelvis(values: Callable[[PelvisCut], tuple[Floats, Floats]]) -> Callable[[Group], list[Floats]]:
    """From contacts of the left foot: strides of the right one mirror them."""
    return lambda group: [_on(cut.stride, *values(cut)) for cut in group.pelvis if cut.stride.foot == "left"]


PANELS: Final = (
    Panel("foot pitch, deg\ntoes up +", _foot(lambda cut: cut.pitch_deg)),
    Panel("foot gyro, rad/s\ntoes down +", _foot(lambda cut: cut.gyr[:, 1])),
    Panel("foot |acc|, m/s²", _foot(lambda cut: cut.acc)),
    Panel("obliquity, deg\nleft up +", _pelvis(lambda cut: (cut.t_s, cut.angles_deg[:, 0]))),
    Panel("tilt, deg\nanterior +", _pelvis(lambda cut: (cut.t_s, cut.angles_deg[:, 1]))),
    Panel("rotation, deg\nto the left +", _pelvis(lambda cut: (cut.t_s, cut.angles_deg[:, 2]))),
    Panel("pelvis up, m/s²", _pelvis(lambda cut: (cut.sampled_s, cut.vertical_m_s2))),
)


def draw(likeness: Likeness, folder: Path) -> list[Path]:
    """Write pages of curves, thin single strides and their bold median, and say where they are.

    Raises:
        UsageError: matplotlib is not installed.
        CannotWrite: with the system's reason.
    """
    drawing = _drawing()
    pages: list[Path] = []
    for walking in WALKING:
        groups = [(source, group) for (source, way), group in sorted(likeness.groups.items()) if way == walking]
        for page, first in enumerate(range(0, len(groups), ABREAST), 1):
            figure = drawing()
            _page(figure, f"Strides {walking}", groups[first : first + ABREAST])
            path = folder / f"likeness-{walking}-{page}.png"
            try:
                folder.mkdir(parents=True, exist_ok=True)
                figure.savefig(path, dpi=DPI)
            except OSError as error:
                raise CannotWrite(f"{path} can't be written: {error.strerror or error}; want a folder") from error
            pages.append(path)
    return pages


def _drawing() -> "type[Figure]":
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415  # an extra, and slow to load
    except ImportError:
        raise UsageError("matplotlib is not installed; want it for --out: pip install 'retrogait[plots]'") from None
    return Figure


def _page(figure: "Figure", title: str, groups: Sequence[tuple[str, Group]]) -> None:
    panels = [panel for panel in PANELS if any(panel.curves(group) for _, group in groups)]
    figure.set_layout_engine("constrained")
    figure.set_size_inches(WIDTH_IN * max(len(groups), 2) + 0.6, HEIGHT_IN * len(panels) + HEAD_IN)
    # with squeeze off it is a 2-D array of Axes
    axes = np.asarray(figure.subplots(len(panels), len(groups), sharex=True, sharey="row", squeeze=False))
    figure.suptitle(title, fontsize=14, fontweight="bold")
    for column, (source, group) in enumerate(groups):
        head: Axes = axes[0, column]
        said = f"{counted(len(group.feet), 'stride')}, {counted(group.sessions, 'session')}"
        head.set_title(f"{source}\n{said}", fontsize=10)
        release = _release_pct(group)
        for row, panel in enumerate(panels):
            _panel(axes[row, column], panel.curves(group), release)
            if column == 0:
                axes[row, 0].set_ylabel(panel.label, fontsize=9)
        axes[-1, column].set_xlabel("% of the stride", fontsize=9)
    _legend(figure)


def _panel(axes: "Axes", curves: Sequence[Floats], release_pct: float | None) -> None:
    axes.set_xlim(GRID_PCT[0], GRID_PCT[-1])
    axes.tick_params(labelsize=8)
    axes.grid(alpha=0.25, linewidth=0.5)
    for contact in (0.0, 100.0):
        axes.axvline(contact, color="#666666", linewidth=0.8)
    if not curves:
        axes.text(0.5, 0.5, "not recorded", transform=axes.transAxes, ha="center", va="center", color="#888888")
        return
    if release_pct is not None:
        axes.axvspan(0.0, release_pct, color=STANCE_COLOUR, zorder=0)
    shown = curves[:: max(1, -(-len(curves) // THIN))]
    for curve in shown:
        axes.plot(GRID_PCT, curve, color=STRIDE_COLOUR, linewidth=0.5, alpha=0.35)
    with warnings.catch_warnings():
        # nobody was recorded before the first contact of all
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        middle = np.nanmedian(curves, axis=0)
    axes.plot(GRID_PCT, middle, color=MEDIAN_COLOUR, linewidth=1.8)


def _legend(figure: "Figure") -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415  # as _drawing
    from matplotlib.patches import Patch  # noqa: PLC0415

    handles = [
        Line2D([], [], color=STRIDE_COLOUR, linewidth=0.8, label="one stride"),
        Line2D([], [], color=MEDIAN_COLOUR, linewidth=1.8, label="median"),
        Line2D([], [], color="#666666", linewidth=0.8, label="contact"),
        Patch(color=STANCE_COLOUR, label="stance, to the median release"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=9, frameon=False)


def _release_pct(group: Group) -> float | None:
    shares = [
        100.0 * (cut.stride.release_ns - cut.stride.start_ns) / NS_PER_S / cut.stride.seconds
        for cut in group.feet
        if cut.stride.release_ns is not None
    ]
    return float(np.median(shares)) if shares else None

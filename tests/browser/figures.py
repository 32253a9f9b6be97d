"""The figures as they stand on the page, and as they should where the document has them."""

from imu.core.session import FEET
from tests.browser.driving import READ_ONE

NONE = "\u2013"
WORDS = {"toe_to_heel": "toe to heel", "heel_to_toe": "heel to toe", "flat": "flat", "uncertain": "not clear"}
FIGURES = (
    "#cadence .number",
    "#cadence .more",
    *(f"#toes-{foot} {part}" for foot in FEET for part in (".number", ".unit", ".more")),
    *(f"#drop-{foot} {part}" for foot in FEET for part in (".number", ".unit")),
)
MARKS_SHOWN = 40
READ = f"""(all) => [
    all.map({READ_ONE}),
    [...document.querySelectorAll(".marks .contact")].map((one) => [
        one.classList.contains("left") ? "left" : "right",
        [...one.querySelector("svg").classList].find((name) => name !== "mark"),
    ]),
]"""


def shown(number, digits=0):
    """As a page writes it: no nought is less than nought."""
    said = f"{abs(number):.{digits}f}"
    return f"\u2212{said}" if number < 0 and float(said) else said


def uncertainty(figure, digits, unit=""):
    return "" if figure["sd"] is None else f"\u00b1 {shown(figure['sd'], digits)}{unit}"


def as_shown(figures):
    """What should stand on the page where these figures are known; None = one of them is not."""
    cadence = figures["cadence_spm"]
    if cadence is None or len(figures["drop_deg"]) < len(FEET) or len(figures["toes"]) < len(FEET):
        return None
    said = {
        "#cadence .number": shown(cadence["value"]),
        "#cadence .more": f"{uncertainty(cadence, 1 if cadence['sd'] < 1 else 0)} over {cadence['n']} steps",
    }
    for foot in FEET:
        toes, drop = figures["toes"][foot], figures["drop_deg"][foot]
        said |= {
            f"#toes-{foot} .number": str(toes["toe_first"]),
            f"#toes-{foot} .unit": f"of {toes['n']}",
            f"#toes-{foot} .more": f"last: {WORDS[toes['last']]}",
            f"#drop-{foot} .number": f"{shown(drop['value'], 1)}\u00b0",
            f"#drop-{foot} .unit": uncertainty(drop, 1, "\u00b0"),
        }
    return said


def as_marked(contacts):
    """Feet and patterns of the strip, oldest first."""
    # of two feet one may be told first and have been the later one
    known = sorted(contacts, key=lambda one: one["t_ns"])
    return [[one["foot"], one["pattern"]] for one in known[-MARKS_SHOWN:]]


async def read(page):
    """What stands there at one time: of figures by selector, and the marks of the strip."""
    said, marks = await page.evaluate(READ, list(FIGURES))
    return dict(zip(FIGURES, said, strict=True)), marks


def numbers(said):
    return {text for selector, text in said.items() if selector.endswith(".number")}

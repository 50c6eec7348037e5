"""The Landings page can be read: WCAG 2.2 AA for every pair of colours that it uses, light and dark; and its scripts make no markup."""

import re
from pathlib import Path

import pytest

ASSETS = Path(__file__).parents[3] / "plugins" / "landings_page" / "assets"
CSS = (ASSETS / "page.css").read_text()
COLOURS = {name: pair for name, *pair in re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", CSS)}
TEXT, SHAPE = 4.5, 3.0  # the least contrast of text with its ground, and of what only has to be seen

PAIRS = [
    *((ground, ink, TEXT) for ground in ("back", "band") for ink in ("text", "soft", "link")),
    *((ground, f"{ground}-text", TEXT) for ground in ("primary", "landed", "red", "running", "missing", "bad", "warn", "good")),
    ("back", "bad-text", TEXT),  # a failed task
    ("back", "red", SHAPE),  # the edge of what is not right
    ("back", "edge", SHAPE),  # buttons and fields
    ("band", "edge", SHAPE),
]


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_the_measure_is_wcag_s() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005), "famous for just failing"


@pytest.mark.parametrize(("ground", "ink", "least"), PAIRS, ids=[f"{ink} on {ground}" for ground, ink, _ in PAIRS])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_pair_has_contrast(ground: str, ink: str, least: float, scheme: str) -> None:
    at = ["light", "dark"].index(scheme)
    assert contrast(COLOURS[ground][at], COLOURS[ink][at]) >= least


def test_every_colour_of_the_page_is_one_of_these() -> None:
    rules = CSS[CSS.index("* {") :]
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b", rules) == [], "a colour outside of :root has no pair"
    assert {name for pair in PAIRS for name in pair[:2]} == set(COLOURS) - {"line"}, "lines only part what stands apart anyway"


@pytest.mark.parametrize("script", sorted(ASSETS.glob("*.js")), ids=lambda path: path.name)
def test_no_script_makes_markup_of_text_or_asks_another_server(script: Path) -> None:
    """What a customer delivers is shown: reasons, examples, names."""
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|https?://", script.read_text()) == []

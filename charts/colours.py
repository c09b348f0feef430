"""Every colour of the product, in one place. Classes and outcomes: Okabe and Ito, safe for colour-blind readers."""

from dataclasses import dataclass

POSITIVE_COLOUR = "#E69F00"
NEGATIVE_COLOUR = "#0072B2"
FN_COLOUR = "#D55E00"
FP_COLOUR = "#CC79A7"
TP_COLOUR = "#F5D58F"
TN_COLOUR = "#9CC7E2"
UNSELECTED = "#9AA0A6"

OUTCOME_COLOURS = {"tp": TP_COLOUR, "fn": FN_COLOUR, "fp": FP_COLOUR, "tn": TN_COLOUR}
CLASS_COLOURS = {1: POSITIVE_COLOUR, 0: NEGATIVE_COLOUR}

CATEGORIES = ("#44AA99", "#AA4499", "#999933", "#6699CC", "#CC6677", "#228833", "#8C6D31", "#8A7FD5", "#C48A5A",
              "#5F9EA0")  # fmt: skip
"""Tags and clusters: names without an order, unlike the colours of classes and outcomes (after Tol)."""

# From strong (low) to pale (high) on a light page; the other way round on a dark one: what is low stands out.
_CONFIDENCE = ("#4B1D7A", "#7446A0", "#9B77BE", "#BDA6D6", "#D6CBE6")
_CONFIDENCE_DARK = ("#EADFF7", "#C4A9E6", "#9E79CF", "#7A53AE", "#5B3A87")

# From light (1:1) to dark (the largest ratio) on a light page; the other way round on a dark one, so that the
# largest ratio always stands out most.
_RATIO_SCALE = ("#B7D3C6", "#8DBCA8", "#5FA38A", "#37866D", "#1B6650", "#0A4636")
_RATIO_SCALE_DARK = ("#1F5A49", "#2C7A63", "#3F9A7F", "#63B89D", "#93D4BE", "#CFF2E5")


@dataclass(frozen=True)
class Theme:
    """The colours that depend on the ground a chart is drawn on: light or dark."""

    dark: bool = False

    @property
    def ink(self) -> str:
        """The colour of text and axis lines."""
        return "#E8EAED" if self.dark else "#202124"

    @property
    def faint(self) -> str:
        """The colour of grid lines and quiet marks."""
        return "#4A4E55" if self.dark else "#D5D8DC"

    @property
    def confidence_colours(self) -> tuple[str, ...]:
        """A colour for each fifth of the confidence of training, low to high."""
        return _CONFIDENCE_DARK if self.dark else _CONFIDENCE

    def ratio_colours(self, ratios: list[float]) -> dict[float, str]:
        """A colour for each ratio, in order of size, spread over the whole scale."""
        scale = _RATIO_SCALE_DARK if self.dark else _RATIO_SCALE
        ordered = sorted(ratios)
        if len(ordered) == 1:
            return {ordered[0]: scale[-1]}
        last = len(scale) - 1
        return {ratio: scale[round(i * last / (len(ordered) - 1))] for i, ratio in enumerate(ordered)}


LIGHT = Theme(dark=False)


def tint(colour: str, share: float) -> str:
    """A colour that lets the ground through: 0 not there, 1 solid."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share:g})"


def text_on(colour: str) -> str:
    """Dark or white, whichever has the higher contrast on a colour."""
    return max(("#111111", "#FFFFFF"), key=lambda text: contrast(text, colour))


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2)."""
    low, high = sorted(map(_luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

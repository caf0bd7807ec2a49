"""One colour per identity, the same on every page and in every video."""

from __future__ import annotations

import math

Rgb = tuple[int, int, int]

UNKNOWN_COLOUR: Rgb = (136, 136, 136)

_GOLDEN_RATIO_FRACTION = (math.sqrt(5.0) - 1.0) / 2.0
_FIRST_HUE = 0.08
# Close enough to one another that every colour keeps a contrast of 3 to 1 on white and on near-black.
_LIGHTNESSES = (0.65, 0.60, 0.69)
_CHROMA = 0.17


def identity_colour(identity_id: int | None) -> Rgb:
    """Give an identity its colour.

    Hues advance by the golden ratio, so that any run of successive numbers spreads over the whole circle; lightness is
    even to the eye, so no colour fades on a light or a dark ground.

    Args:
        identity_id: number of the identity, or None for an unknown person.

    Returns:
        Red, green, blue in [0, 255]; grey for None.
    """
    if identity_id is None:
        return UNKNOWN_COLOUR
    hue = (_FIRST_HUE + identity_id * _GOLDEN_RATIO_FRACTION) % 1.0
    lightness = _LIGHTNESSES[identity_id % len(_LIGHTNESSES)]
    chroma = _CHROMA
    linear = _oklch_to_linear(lightness, chroma, hue)
    while min(linear) < 0.0 or max(linear) > 1.0:
        chroma *= 0.95
        linear = _oklch_to_linear(lightness, chroma, hue)
    red, green, blue = (round(255.0 * _encode(channel)) for channel in linear)
    return (red, green, blue)


def text_colour(background: Rgb) -> Rgb:
    """Choose black or white, whichever reads better.

    Args:
        background: the colour under the text.

    Returns:
        Black or white.
    """
    luminance = relative_luminance(background)
    return (0, 0, 0) if (luminance + 0.05) ** 2 > 1.05 * 0.05 else (255, 255, 255)


def relative_luminance(colour: Rgb) -> float:
    """Measure how bright a colour is.

    Args:
        colour: red, green, blue in [0, 255].

    Returns:
        0 for black to 1 for white.

    Source: the definition in the Web Content Accessibility Guidelines 2.
    """
    red, green, blue = (_decode(channel / 255.0) for channel in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _oklch_to_linear(lightness: float, chroma: float, hue: float) -> tuple[float, float, float]:
    """Convert to linear sRGB; `hue` in turns. Source: the Oklab colour space, Ottosson 2020."""
    a = chroma * math.cos(2.0 * math.pi * hue)
    b = chroma * math.sin(2.0 * math.pi * hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


def _encode(linear: float) -> float:
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * math.pow(linear, 1.0 / 2.4) - 0.055


def _decode(encoded: float) -> float:
    return encoded / 12.92 if encoded <= 0.04045 else math.pow((encoded + 0.055) / 1.055, 2.4)

"""Colours of identities."""

import colorsys
import itertools

import pytest

from pipeline.colours import UNKNOWN_COLOUR, identity_colour, relative_luminance, text_colour


def contrast(one, other):
    darker, brighter = sorted((relative_luminance(one), relative_luminance(other)))
    return (brighter + 0.05) / (darker + 0.05)


def hue_distance(one, other):
    hues = [colorsys.rgb_to_hsv(*(channel / 255 for channel in colour))[0] for colour in (one, other)]
    distance = abs(hues[0] - hues[1])
    return min(distance, 1 - distance)


def test_luminance_of_known_colours():
    assert relative_luminance((0, 0, 0)) == 0.0
    assert relative_luminance((255, 255, 255)) == pytest.approx(1.0)
    # 0.2126 for pure red by definition; mid-grey 119 has 0.1845, worked by hand.
    assert relative_luminance((255, 0, 0)) == pytest.approx(0.2126)
    assert relative_luminance((119, 119, 119)) == pytest.approx(0.1845, abs=5e-4)


def test_unknown_is_grey():
    assert identity_colour(None) == UNKNOWN_COLOUR
    assert len(set(UNKNOWN_COLOUR)) == 1


def test_a_number_always_has_the_same_colour():
    assert [identity_colour(number) for number in range(50)] == [identity_colour(number) for number in range(50)]


@pytest.mark.parametrize("number", [0, 1, 2, 3, 17, 1000, 10**9])
def test_channels_are_bytes(number):
    assert all(isinstance(channel, int) and 0 <= channel <= 255 for channel in identity_colour(number))


def test_neighbouring_numbers_differ_clearly_in_hue():
    colours = [identity_colour(number) for number in range(1, 200)]
    assert min(hue_distance(a, b) for a, b in itertools.pairwise(colours)) > 0.15


def test_ten_successive_identities_are_ten_colours():
    for first in range(1, 100, 7):
        colours = [identity_colour(first + n) for n in range(10)]
        for n, colour in enumerate(colours):
            for other in colours[n + 1 :]:
                assert sum((a - b) ** 2 for a, b in zip(colour, other, strict=True)) > 20**2


def test_every_colour_shows_on_a_light_and_a_dark_ground():
    for number in [None, *range(1, 300)]:
        colour = identity_colour(number)
        assert contrast(colour, (255, 255, 255)) > 2.5
        assert contrast(colour, (0x1C, 0x1F, 0x22)) > 3.0


def test_text_takes_the_more_readable_of_black_and_white():
    for colour in [(0, 0, 0), (255, 255, 255), (200, 30, 30), (20, 20, 120), *map(identity_colour, range(60))]:
        best = max(((0, 0, 0), (255, 255, 255)), key=lambda text: contrast(text, colour))
        assert text_colour(colour) == best
        assert contrast(text_colour(colour), colour) > 4.5

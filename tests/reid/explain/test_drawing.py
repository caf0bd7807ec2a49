"""Figures: colours where the values are, texts that fit, white around."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from reid.explain import clip_pictures, weight_pictures
from reid.explain.canvas import MARGIN, TEXT, colours, draw_bar, drawable, fitting, font, over_frame, wrapped
from reid.explain.drawing import draw
from reid.explain.frame_figures import ShownFrames
from reid.explain.pictures import FramePicture, MapRow, MatrixPicture, Scale
from tests.reid.explain.conftest import MICROS, clip_for, frames_for, model_of

SCALE = Scale(1.0, ((0.0, "none"), (1.0, "most")))


def is_red(pixel: np.ndarray) -> bool:
    return bool(pixel[0] > pixel[1] + 40 and pixel[0] > pixel[2] + 40)


def is_blue(pixel: np.ndarray) -> bool:
    return bool(pixel[2] > pixel[1])


@pytest.mark.parametrize("name", MICROS)
def test_every_picture_can_be_drawn_with_white_around(name: str) -> None:
    model = model_of(name)
    frames = frames_for(model)
    for picture in clip_pictures(model, clip_for(model)) + weight_pictures(model):
        image = draw(picture, "a model with a name (untrained), tracklet of some length", frames)
        pixels = np.asarray(image)
        assert 700 < image.width < 1500
        assert 150 < image.height < 4000
        inside = pixels[MARGIN - 2 : 2 - MARGIN, MARGIN - 2 : 2 - MARGIN]
        assert pixels.size - np.count_nonzero(pixels == 255) == inside.size - np.count_nonzero(inside == 255)
        assert np.count_nonzero(inside != 255) > 1000


def test_a_map_lies_on_its_frame() -> None:
    maps = np.zeros((2, 4, 2), dtype=np.float32)
    maps[1, 0, 1] = 1  # the upper right of the second frame
    frames_rgb = np.full((2, 64, 32, 3), 128, dtype=np.uint8)
    frames_rgb[1] = (0, 100, 200)
    picture = FramePicture("x", "x", "x.", (MapRow("row", maps, SCALE),))
    image = draw(picture, "x", ShownFrames(frames_rgb, ("a.jpg", "b.jpg"), (0, 1)))
    pixels = np.asarray(image).astype(int)
    # The second frame's own colour is nowhere else, so it tells where that frame stands.
    ys, xs = np.nonzero((pixels == (0, 100, 200)).all(axis=2))
    top, left, height, width = ys.min(), xs.min(), np.ptp(ys) + 1, np.ptp(xs) + 1
    assert (height, width) == (256, 128)
    below = pixels[top + height + 12 :, left:][:height, :width]
    before = pixels[top + height + 12 :, left - width - 6 :][:height, :width]
    assert is_red(below[10, 118])
    assert is_blue(below[200, 118]) and is_blue(below[10, 10])
    assert is_blue(before[10, 118])


def test_only_the_frames_to_be_shown_are_drawn() -> None:
    maps = np.zeros((5, 2, 1), dtype=np.float32)
    picture = FramePicture("x", "x", "x.", (MapRow("row", maps, SCALE),))
    frames_rgb = np.zeros((5, 8, 4, 3), dtype=np.uint8)
    for index in range(5):
        frames_rgb[index] = (40 * index + 1, 7, 9)
    image = draw(picture, "x", ShownFrames(frames_rgb, tuple("abcde"), (1, 4)))
    shown = [bool((np.asarray(image) == (40 * index + 1, 7, 9)).all(axis=2).any()) for index in range(5)]
    assert shown == [False, True, False, False, True]


def test_stripes_have_edges_and_smooth_maps_have_none() -> None:
    frame = np.full((40, 20, 3), 100, dtype=np.uint8)
    values = np.array([[0.0], [1.0]], dtype=np.float32)
    steps = over_frame(frame, values, SCALE, smooth=False)
    assert len(np.unique(steps.reshape(-1, 3), axis=0)) == 2
    assert (steps[19] != steps[20]).any()
    assert len(np.unique(over_frame(frame, values, SCALE, smooth=True).reshape(-1, 3), axis=0)) > 10


def test_colours_follow_the_scale() -> None:
    values = np.array([[-1.0, 0.0, 1.0, 2.0, np.nan]], dtype=np.float32)
    low, first, last, high, none = colours(values, SCALE)[0]
    assert (low == first).all() and (high == last).all()
    assert is_red(last) and is_blue(first)
    assert len(set(none.tolist())) == 1
    bright, dark = (colours(values, SCALE, "dark")[0, column].sum() for column in (1, 2))
    assert dark < bright


def test_a_bar_has_its_highest_value_above_and_leaves_out_ticks_without_room() -> None:
    bars = []
    for ticks in (
        ((0.0, "0"), (1.0, "1")),
        ((0.0, "0"), (0.02, "even"), (1.0, "1")),
        ((0.0, "0"), (0.5, "a"), (1, "1")),
    ):
        image = Image.new("RGB", (120, 100), "white")
        draw_bar(image, (0, 10), 80, Scale(1.0, ticks))
        bars.append(np.asarray(image))
    assert is_red(bars[0][13, 5]) and is_blue(bars[0][86, 5])
    assert (bars[0] == bars[1]).all()
    assert (bars[0] != bars[2]).any()


def test_a_matrix_has_its_values_in_their_fields() -> None:
    values = np.array([[0.0, 1.0, np.nan]], dtype=np.float32)
    texts = (("0%", "100%", "-"),)
    image = draw(MatrixPicture("x", "x", "x.", values, ("row",), ("a", "b", "c"), SCALE, texts), "x", None)
    pixels = np.asarray(image)
    fields = colours(values, SCALE, "dark")[0]
    columns = [np.nonzero((pixels == field).all(axis=2))[1] for field in fields]
    assert [len(each) > 2000 for each in columns] == [True] * 3
    assert np.median(columns[0]) < np.median(columns[1]) < np.median(columns[2])


def test_texts_fit() -> None:
    text = "words and_one_that_is_far_too_long_for_the_line and more"
    lines = wrapped(text, TEXT, 120)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert max(font(TEXT).getlength(line) for line in lines) <= 120
    short = fitting("a_very_long_file_name_of_a_frame.jpg", TEXT, 100)
    assert short.endswith("..") and font(TEXT).getlength(short) <= 100
    assert fitting("a.jpg", TEXT, 100) == "a.jpg"
    assert wrapped("", TEXT, 50) == [""]


def test_letters_that_the_font_lacks() -> None:
    assert drawable("caméra 中-1") == "camera ?-1"
    assert wrapped("Straße é", TEXT, 500) == ["Stra?e e"]


def test_the_image_is_rgb() -> None:
    picture = FramePicture("x", "x", "x.", (MapRow("r", np.zeros((1, 1, 1), np.float32), SCALE, "strip", ("n",)),))
    image = draw(picture, "x" * 200, ShownFrames(np.zeros((1, 8, 4, 3), np.uint8), ("a",), (0,)))
    assert isinstance(image, Image.Image) and image.mode == "RGB"

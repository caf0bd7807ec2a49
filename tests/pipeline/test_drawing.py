"""Annotated videos, read again with PyAV."""

from typing import NamedTuple

import av
import numpy as np
import pytest

from pipeline.colours import UNKNOWN_COLOUR, identity_colour
from pipeline.drawing import draw_boxes, labels_and_colours, write_annotated_video
from pipeline.mot import TrackBox
from pipeline.run_directory import TrackletRow
from reid.errors import OutputError

GREY = 90
BOX = TrackBox(0, 1, (40.0, 60.0, 100.0, 140.0), 0.9)


class Frame(NamedTuple):
    index: int
    time_s: float
    rgb: np.ndarray


def grey_frame(height_px=180, width_px=240):
    return np.full((height_px, width_px, 3), GREY, np.uint8)


def frames_at(times_s, **size):
    return [Frame(index, time_s, grey_frame(**size)) for index, time_s in enumerate(times_s)]


def read(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        decoded = [(float(frame.time), frame.to_ndarray(format="rgb24")) for frame in container.decode(stream)]
        facts = (stream.codec_context.name, stream.pix_fmt, stream.width, stream.height)
        return facts, float(stream.average_rate), [time for time, _ in decoded], [rgb for _, rgb in decoded]


def write(path, frames, boxes=(), labels=None, colours=None, fps=25.0, progress=None):
    return write_annotated_video(path, frames, boxes, labels or {}, colours or {}, fps=fps, progress=progress)


def test_video_plays_in_a_browser_and_keeps_every_frame(tmp_path):
    path = tmp_path / "camera.mp4"
    times_s = [n / 25 for n in range(30)]
    assert write(path, frames_at(times_s)) == 30
    facts, fps, read_times_s, _ = read(path)
    assert facts == ("h264", "yuv420p", 240, 180)
    assert fps == pytest.approx(25.0, rel=0.01)
    assert read_times_s == pytest.approx(times_s, abs=1e-3)
    content = path.read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat"), "the index has to come before the frames"


def test_times_of_a_variable_frame_rate_survive(tmp_path):
    gaps_s = np.random.default_rng(0).uniform(0.011, 0.4, 40)
    times_s = np.cumsum(gaps_s).tolist()
    write(tmp_path / "camera.mp4", frames_at(times_s), fps=1 / float(gaps_s.mean()))
    _, _, read_times_s, _ = read(tmp_path / "camera.mp4")
    assert read_times_s == pytest.approx(times_s, abs=1e-3)


def test_times_that_stand_still_or_run_back_do_not_stop_the_video(tmp_path):
    assert write(tmp_path / "camera.mp4", frames_at([0.0, 0.04, 0.04, 0.02, 0.2])) == 5
    _, _, read_times_s, _ = read(tmp_path / "camera.mp4")
    assert read_times_s == pytest.approx([0.0, 0.04, 0.04, 0.04, 0.2], abs=1e-3)


@pytest.mark.parametrize(("height_px", "width_px"), [(181, 240), (180, 241), (181, 241), (17, 33)])
def test_odd_sizes_gain_one_pixel(tmp_path, height_px, width_px):
    write(tmp_path / "camera.mp4", frames_at([0.0, 0.1], height_px=height_px, width_px=width_px))
    facts, _, times_s, images = read(tmp_path / "camera.mp4")
    assert facts[2:] == (width_px + width_px % 2, height_px + height_px % 2)
    assert len(times_s) == 2
    assert abs(int(images[0][-1, -1, 0]) - GREY) < 6


def test_a_frame_of_another_size_is_fitted_to_the_first(tmp_path):
    frames = [Frame(0, 0.0, grey_frame()), Frame(1, 0.1, grey_frame(90, 120))]
    assert write(tmp_path / "camera.mp4", frames) == 2
    assert [image.shape for image in read(tmp_path / "camera.mp4")[3]] == [(180, 240, 3)] * 2


def test_boxes_are_on_their_own_frames_in_their_own_colours(tmp_path):
    colour = identity_colour(5)
    boxes = [TrackBox(index, 1, BOX.box_xyxy, 0.9) for index in (2, 3, 7, 99)]
    frames = [frame for frame in frames_at([n / 10 for n in range(10)]) if frame.index != 3]
    write(tmp_path / "camera.mp4", frames, boxes, {1: "person 5"}, {1: colour}, fps=10.0)
    _, _, times_s, images = read(tmp_path / "camera.mp4")
    for time_s, image in zip(times_s, images, strict=True):
        edge = image[80:130, 39:42].astype(int).reshape(-1, 3)
        nearest = np.abs(edge - np.array(colour)).max(axis=1).min()
        assert (nearest < 40) == (round(time_s * 10) in (2, 7))
        assert abs(int(image[100, 70, 0]) - GREY) < 8, "the inside of the box stays as it was"


def test_progress_counts_frames_and_no_frame_makes_no_file(tmp_path):
    seen = []
    write(tmp_path / "camera.mp4", frames_at([0.0, 0.1, 0.2]), progress=seen.append, fps=None)
    assert seen == [1, 2, 3]
    assert write(tmp_path / "none.mp4", []) == 0
    assert not (tmp_path / "none.mp4").exists()


def test_a_source_that_fails_leaves_a_playable_video(tmp_path):
    def failing():
        yield from frames_at([0.0, 0.1, 0.2])
        raise RuntimeError("cable pulled")

    with pytest.raises(RuntimeError, match="cable pulled"):
        write(tmp_path / "camera.mp4", failing())
    assert len(read(tmp_path / "camera.mp4")[2]) == 3


def test_a_place_that_cannot_be_written_is_refused_by_name(tmp_path):
    with pytest.raises(OutputError, match=r"missing.camera\.mp4: No such file"):
        write(tmp_path / "missing" / "camera.mp4", frames_at([0.0]))


def test_drawing_leaves_the_frame_alone_and_marks_the_edges():
    rgb = grey_frame()
    rgb.setflags(write=False)
    drawn = draw_boxes(rgb, [BOX], {1: "person 1"}, {1: (250, 10, 20)})
    assert (rgb == GREY).all()
    for y, x in [(100, 40), (100, 99), (139, 70)]:
        assert tuple(drawn[y, x]) == (250, 10, 20)
    changed = np.argwhere((drawn != GREY).any(axis=2))
    assert changed[:, 0].min() < 55, "the label stands above the box"
    assert changed[:, 0].max() < 145
    assert changed[:, 1].min() > 30


def test_without_label_and_colour_the_number_stands_in_grey():
    drawn = draw_boxes(grey_frame(), [BOX], {}, {})
    assert tuple(drawn[100, 40]) == UNKNOWN_COLOUR
    assert (drawn != draw_boxes(grey_frame(), [BOX], {1: ""}, {})).any()


@pytest.mark.parametrize(
    "box_xyxy",
    [
        (-50.0, -50.0, 30.0, 40.0),
        (200.0, 150.0, 400.0, 400.0),
        (-10.0, -10.0, 500.0, 500.0),
        (300.0, 300.0, 310.0, 320.0),
        (50.0, 50.0, 50.0, 50.0),
    ],
)
def test_boxes_over_the_frames_border_are_clipped(box_xyxy):
    drawn = draw_boxes(grey_frame(), [TrackBox(0, 1, box_xyxy, 0.5)], {1: "person 1"}, {1: (0, 200, 0)})
    assert drawn.shape == (180, 240, 3)
    assert (drawn != GREY).any()


def test_labels_of_neighbours_do_not_cover_each_other():
    colours = {1: (250, 10, 20), 2: (20, 10, 250)}
    boxes = [BOX, TrackBox(0, 2, (50.0, 62.0, 110.0, 142.0), 0.9)]
    alone = [draw_boxes(grey_frame(), [box], {1: "person 1", 2: "person 2"}, colours) for box in boxes]
    both = draw_boxes(grey_frame(), boxes, {1: "person 1", 2: "person 2"}, colours)
    for number, image in zip((1, 2), alone, strict=True):
        plate_px = int((image == colours[number]).all(axis=2).sum())
        assert int((both == colours[number]).all(axis=2).sum()) > 0.75 * plate_px


def test_names_and_colours_are_those_of_the_report():
    common = {"first_frame": 0, "last_frame": 1, "start_s": 0.0, "end_s": 1.0, "frames": 2, "mean_confidence": 0.5}
    common |= {"evidence": "enough", "crops_kept": 0, "crops_refused": 0, "crop_frames": (), "crops_path": ""}
    rows = [
        TrackletRow("a", 1, embedded=True, identity_id=3, mot_id=3, **common),
        TrackletRow("a", 2, embedded=True, identity_id=None, mot_id=17, **common),
    ]
    labels, colours = labels_and_colours(rows)
    assert labels == {3: "person 3", 17: "unknown 17"}
    assert colours == {3: identity_colour(3), 17: identity_colour(None)}

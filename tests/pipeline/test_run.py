"""The whole way on real video: six people who come to a table one after another, and a street."""

from __future__ import annotations

import csv
import errno
import json
import threading
from collections import Counter
from fractions import Fraction
from pathlib import Path

import av
import cv2
import faiss
import numpy as np
import pytest

from pipeline import CameraConfig, RunConfig, RunDirectory, RunListener, run_pipeline
from pipeline.boxes import BoxSpool
from pipeline.mot import read_tracks
from pipeline.yolo import YoloDetector
from reid.errors import ConfigError, OutputError, RunError, SourceError
from tests.pipeline.camera_server import CameraServer
from tests.pipeline.made_videos import remux, write_video

YOLO11N, YOLOV8N = "weights/yolo11n_int8_openvino_model", "weights/yolov8n_int8.onnx"

# When each of the six sits or stands there, by the video's own clock, found by looking at it.
STAYS_S = [(6.4, 19.7), (23.2, 44.7), (50.7, 70.0), (74.7, 86.7), (92.7, 119.7), (123.7, 135.9)]


def config(shared_data: Path, *sources: str | Path, weights: str = YOLO11N, **settings: object) -> RunConfig:
    cameras = [{"name": name, "source": source} for name, source in (str(entry).split("=") for entry in sources)]
    detector = {"name": str(shared_data / weights)}
    return RunConfig.model_validate({"cameras": cameras, "detector": detector, **settings})


@pytest.fixture(scope="module")
def twice(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """`one-by-one.mp4` under two names; only the same pictures are to be the same person."""
    video = shared_data / "videos" / "one-by-one.mp4"
    settings = config(shared_data, f"a={video}", f"b={video}", association={"threshold": 0.9999})
    return run_pipeline(settings, tmp_path_factory.mktemp("twice") / "run")


@pytest.fixture(scope="module")
def street(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """Three seconds of `street.mp4`, with an annotated video."""
    video = shared_data / "videos" / "street.mp4"
    settings = config(shared_data, f"street={video}", duration_s=3, save_video=True)
    return run_pipeline(settings, tmp_path_factory.mktemp("street") / "run")


class TestSixPeopleTwice:
    def test_six_identities_with_one_tracklet_in_each_camera(self, twice: RunDirectory) -> None:
        long = [row for row in twice.tracklets if row.end_s - row.start_s >= 2]
        assert Counter(row.camera_id for row in long) == {"a": 6, "b": 6}
        people = {row.identity_id for row in long}
        assert people == {1, 2, 3, 4, 5, 6}
        for person in people:
            assert sorted(row.camera_id for row in long if row.identity_id == person) == ["a", "b"]
        assert all(row.match_score is not None and row.match_score > 0.9999 for row in long)
        assert all(row.margin is not None and row.margin > 0 for row in long)

    def test_times_are_the_videos_own(self, twice: RunDirectory) -> None:
        rows = [row for row in twice.tracklets if row.camera_id == "a" and row.end_s - row.start_s >= 2]
        for row, (start_s, end_s) in zip(rows, STAYS_S, strict=True):
            assert row.start_s == pytest.approx(start_s, abs=0.31)  # a tracker may take up someone a few frames late
            assert row.end_s == pytest.approx(end_s, abs=0.31)
            assert row.first_frame == round(row.start_s * 10)
            assert row.last_frame == round(row.end_s * 10) - 1

    def test_the_record_is_complete(self, twice: RunDirectory) -> None:
        manifest = twice.manifest
        assert (manifest["format"], manifest["status"]) == ("vreid-run/1", "complete")
        assert manifest["counts"]["frames"] == 2 * 1394
        assert (manifest["embedder"]["model"], manifest["embedder"]["trained"]) == ("dcct-compact", True)
        assert manifest["warnings"] == []
        for camera in manifest["cameras"]:
            assert camera["health"]["status"] == "ok"
            assert camera["health"]["frames_decoded"] == camera["health"]["frames_expected"] == 1394
            assert camera["fps"] == pytest.approx(10)
            (file,) = camera["files"]
            assert file["size_bytes"] == 3_291_918
            assert len(file["sha256_ends"]) == 64
            assert file["sha256"] is None

    def test_every_file_agrees_with_the_table(self, twice: RunDirectory) -> None:
        rows = twice.tracklets
        assert twice.embeddings.shape == (len(rows), twice.manifest["embedder"]["dim"])
        np.testing.assert_allclose(np.linalg.norm(twice.embeddings, axis=1), 1, atol=1e-5)
        index = faiss.read_index(str(twice.path / "gallery.faiss"))
        assert index.ntotal == len(rows)
        np.testing.assert_array_equal(index.reconstruct_n(0, len(rows)), twice.embeddings)
        with (twice.path / "sightings.csv").open(newline="") as file:
            assert len(list(csv.DictReader(file))) == len(rows)
        for camera_id in ("a", "b"):
            boxes = read_tracks(twice.path / "tracks" / f"{camera_id}.txt")
            by_id = Counter(box.mot_id for box in boxes)
            assert by_id == {row.mot_id: row.frames for row in rows if row.camera_id == camera_id}
            order = [(box.frame_index, box.mot_id) for box in boxes]
            assert order == sorted(order)
        for row in rows:
            pictures = sorted((twice.path / row.crops_path).iterdir())
            assert [path.name for path in pictures] == [f"{n:03d}.jpg" for n in range(len(row.crop_frames))]
            assert all(row.first_frame <= frame <= row.last_frame for frame in row.crop_frames)
            assert cv2.imread(str(pictures[0])) is not None

    def test_the_report_names_everyone_and_needs_no_network(self, twice: RunDirectory) -> None:
        page = twice.report.read_text(encoding="utf-8")
        assert all(f"Person {number}" in page for number in range(1, 7))
        assert "untrained" not in page
        assert 'src="http' not in page
        assert 'href="http' not in page

    def test_nothing_else_is_left(self, twice: RunDirectory) -> None:
        names = {path.name for path in twice.path.iterdir()}
        expected = {"run.json", "tracklets.parquet", "sightings.csv", "embeddings.npy", "gallery.faiss", "report.html"}
        assert names == expected | {"tracks", "crops", "scenes"}
        assert [path.name for path in twice.path.parent.iterdir()] == ["run"]


def test_the_other_weights_see_the_same_people(shared_data: Path, tmp_path: Path) -> None:
    video = shared_data / "videos" / "one-by-one.mp4"
    run = run_pipeline(config(shared_data, f"table={video}", weights=YOLOV8N, every=2, duration_s=46), tmp_path / "run")
    long = [row for row in run.tracklets if row.end_s - row.start_s >= 2]
    assert len(long) == len({row.identity_id for row in long} - {None}) == 2
    for row, (start_s, end_s) in zip(long, STAYS_S[:2], strict=True):
        assert (row.start_s, row.end_s) == pytest.approx((start_s, end_s), abs=0.61)


class TestStreet:
    def test_many_people_at_once(self, street: RunDirectory) -> None:
        assert 12 <= len(street.tracklets) <= 25
        boxes = read_tracks(street.path / "tracks" / "street.txt")
        per_frame = Counter(box.frame_index for box in boxes)
        assert set(per_frame) == set(range(90))
        assert np.median(list(per_frame.values())) >= 9

    def test_duration_ends_a_recording_without_fault(self, street: RunDirectory) -> None:
        assert street.manifest["status"] == "complete"
        assert street.manifest["stopped_by"] == "duration"

    def test_crops_show_what_the_tracks_say(self, street: RunDirectory, shared_data: Path) -> None:
        """A kept crop is the box of its frame, up to the loss of JPEG."""
        boxes = read_tracks(street.path / "tracks" / "street.txt")
        row = max(street.tracklets, key=lambda row: row.crops_kept)
        frame_index = row.crop_frames[-1]
        (box,) = [box for box in boxes if box.frame_index == frame_index and box.mot_id == row.mot_id]
        with av.open(str(shared_data / "videos" / "street.mp4")) as container:
            frames = (frame for number, frame in enumerate(container.decode(video=0)) if number == frame_index)
            frame = next(frames).to_ndarray(format="bgr24")
        x1, y1 = np.floor(np.clip(box.box_xyxy[:2], 0, None)).astype(int)
        picture = cv2.imread(str(street.path / row.crops_path / f"{len(row.crop_frames) - 1:03d}.jpg"))
        height, width = picture.shape[:2]
        difference = cv2.absdiff(picture, frame[y1 : y1 + height, x1 : x1 + width])
        assert difference.mean() < 6

    def test_every_sighting_has_its_scene(self, street: RunDirectory) -> None:
        for row in street.tracklets:
            scene = cv2.imread(str(street.path / "scenes" / "street" / f"{row.track_id}.jpg"))
            assert scene.shape == (540, 960, 3)
        assert 'class="scene"' in street.report.read_text(encoding="utf-8")

    def test_the_annotated_video_plays_like_the_source(self, street: RunDirectory, shared_data: Path) -> None:
        with av.open(str(street.path / "videos" / "street.mp4")) as drawn:
            stream = drawn.streams.video[0]
            assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
            assert (stream.width, stream.height) == (1920, 1080)
            assert float(stream.average_rate) == pytest.approx(30)
            times = [frame.time for frame in drawn.decode(video=0)]
        with av.open(str(shared_data / "videos" / "street.mp4")) as source:
            expected = [frame.time for frame, _ in zip(source.decode(video=0), range(90), strict=False)]
        np.testing.assert_allclose(times, expected, atol=0.002)


def test_a_damaged_camera_does_not_take_the_others_down(shared_data: Path, tmp_path: Path) -> None:
    good = shared_data / "videos" / "one-by-one.mp4"
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("this is not a video\n" * 100)
    settings = config(
        shared_data,
        f"empty={tmp_path / 'empty.mp4'}",
        f"good={good}",
        f"text={tmp_path / 'text.mp4'}",
        duration_s=12,
        every=2,
    )
    run = run_pipeline(settings, tmp_path / "run")
    assert run.manifest["status"] == "partial"
    health = {camera["camera_id"]: camera["health"] for camera in run.manifest["cameras"]}
    assert health["good"]["status"] == "ok"
    assert health["empty"]["status"] == health["text"]["status"] == "failed"
    assert "0 bytes" in health["empty"]["last_error"]
    assert [row.camera_id for row in run.tracklets] == ["good"]
    assert sum("cannot be used" in warning for warning in run.manifest["warnings"]) == 2


def test_no_usable_camera_leaves_nothing_behind(shared_data: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(SourceError, match="no camera can be used"):
        run_pipeline(config(shared_data, f"empty={tmp_path / 'empty.mp4'}"), tmp_path / "out" / "run")
    assert not (tmp_path / "out").exists()


class StopAfter(RunListener):
    """Sets the stop after some frames, as Ctrl-C would."""

    def __init__(self, frames: int) -> None:
        self.stop = threading.Event()
        self._frames_left = frames

    def on_frame(self, camera_id: str, frame_index: int, time_s: float, tracklets: int) -> None:
        self._frames_left -= 1
        if self._frames_left == 0:
            self.stop.set()


def test_a_stopped_run_keeps_what_was_seen(shared_data: Path, tmp_path: Path) -> None:
    listener = StopAfter(100)
    settings = config(shared_data, f"table={shared_data / 'videos' / 'one-by-one.mp4'}")
    run = run_pipeline(settings, tmp_path / "run", listener=listener, stop=listener.stop)
    assert (run.manifest["status"], run.manifest["stopped_by"]) == ("partial", "user")
    (row,) = run.tracklets
    assert row.start_s == pytest.approx(6.4, abs=0.11)
    assert row.last_frame < 200
    assert run.report.is_file()


def test_a_place_without_people_is_a_run_without_people(shared_data: Path, tmp_path: Path) -> None:
    video = tmp_path / "grey.mp4"
    write_video(video, range(0, 180_000, 9_000), rate=10)
    run = run_pipeline(config(shared_data, f"grey={video}", save_video=True), tmp_path / "run")
    assert run.manifest["status"] == "complete"
    assert run.tracklets == []
    assert run.embeddings.shape == (0, run.manifest["embedder"]["dim"])
    assert (run.path / "tracks" / "grey.txt").read_text() == ""
    assert "Nobody" in run.report.read_text(encoding="utf-8")


def test_what_cannot_work_is_said_before_any_frame_is_read(shared_data: Path, tmp_path: Path) -> None:
    video = shared_data / "videos" / "one-by-one.mp4"
    good = config(shared_data, f"table={video}")
    with pytest.raises(ConfigError, match="unknown tracker 'deepsort'"):
        run_pipeline(
            good.model_copy(update={"tracker": good.tracker.model_copy(update={"name": "deepsort"})}), tmp_path / "run"
        )
    with pytest.raises(ConfigError, match=r"no camera named .hall.; cameras: table"):
        run_pipeline(
            config(shared_data, f"table={video}", topology={"non_overlapping": [["table", "hall"]]}), tmp_path / "run"
        )
    with pytest.raises(ConfigError, match="has no 'finale'"):
        run_pipeline(config(shared_data, f"table={video}", embedder={"variant": "finale"}), tmp_path / "run")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    with pytest.raises(OutputError, match="not a run"):
        run_pipeline(good, tmp_path / "taken")
    assert not (tmp_path / "run").exists()


def test_the_record_names_the_vectors_that_were_used(shared_data: Path, tmp_path: Path) -> None:
    video = shared_data / "videos" / "one-by-one.mp4"
    run = run_pipeline(
        config(shared_data, f"table={video}", embedder={"variant": "base"}, duration_s=9, every=3), tmp_path / "run"
    )
    embedder = run.manifest["embedder"]
    assert (embedder["variant"], embedder["dim"]) == ("base", run.embeddings.shape[1])


def test_a_source_that_is_gone_costs_only_its_video(shared_data: Path, tmp_path: Path) -> None:
    video = tmp_path / "gone.mp4"
    video.write_bytes((shared_data / "videos" / "one-by-one.mp4").read_bytes())

    class RemoveIt(RunListener):
        def on_stage(self, name: str) -> None:
            if name == "association":
                video.unlink()

    settings = config(shared_data, f"table={video}", duration_s=9, every=3, save_video=True)
    run = run_pipeline(settings, tmp_path / "run", listener=RemoveIt())
    assert run.manifest["status"] == "complete"
    assert any("no annotated video of camera table" in warning for warning in run.manifest["warnings"])
    assert list((run.path / "videos").iterdir()) == []
    assert len(run.tracklets) == 1


def test_stopping_while_videos_are_written_drops_only_them(shared_data: Path, tmp_path: Path) -> None:
    class StopInVideo(RunListener):
        def __init__(self) -> None:
            self.stop = threading.Event()

        def on_video_frame(self, camera_id: str, frames_done: int, frames_total: int) -> None:
            if frames_done == 10:
                self.stop.set()

    listener = StopInVideo()
    settings = config(
        shared_data, f"table={shared_data / 'videos' / 'one-by-one.mp4'}", duration_s=9, every=3, save_video=True
    )
    run = run_pipeline(settings, tmp_path / "run", listener=listener, stop=listener.stop)
    assert run.manifest["status"] == "complete"
    assert list((run.path / "videos").iterdir()) == []
    assert len(run.tracklets) == 1


def test_a_disk_that_fills_up_is_one_clear_error(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = config(shared_data, f"table={shared_data / 'videos' / 'one-by-one.mp4'}", duration_s=9, every=3)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "save", full)  # after the cameras were read
    with pytest.raises(RunError, match="No space left on device; what was found stays in") as late:
        run_pipeline(settings, tmp_path / "late" / "run")
    (kept,) = (tmp_path / "late").iterdir()
    assert str(kept) in str(late.value)
    assert (kept / "tracklets.parquet").is_file()
    monkeypatch.undo()
    monkeypatch.setattr(BoxSpool, "append", full)  # while they are read
    with pytest.raises(RunError, match="No space left on device; nothing was kept"):
        run_pipeline(settings, tmp_path / "early" / "run")
    assert list((tmp_path / "early").iterdir()) == []


def test_a_detector_that_fails_is_one_clear_error(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = config(shared_data, f"table={shared_data / 'videos' / 'one-by-one.mp4'}", duration_s=9)

    def fail(*_: object) -> None:
        raise RuntimeError("device lost\nwith details")

    monkeypatch.setattr(YoloDetector, "detect", fail)
    with pytest.raises(RunError, match="the detector failed: device lost with details; nothing was kept"):
        run_pipeline(settings, tmp_path / "out" / "run")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_camera_far_slower_than_it_says_has_no_track_twice(shared_data: Path, tmp_path: Path) -> None:
    """A file that averages 30 frames a second and has long stretches of 6: ids stay unique and nothing crashes."""
    video = tmp_path / "uneven.mp4"
    pictures = []
    with av.open(str(shared_data / "videos" / "one-by-one.mp4")) as reader:
        for index, frame in enumerate(reader.decode(video=0)):
            if 60 <= index < 260:
                pictures.append(frame.to_ndarray(format="rgb24"))
    with av.open(str(video), "w") as writer:
        stream = writer.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 768, 432, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 90_000)
        ticks = 0
        for index, picture in enumerate(pictures):
            ticks += 15_000 if index % 100 < 20 else 1_500
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = ticks, Fraction(1, 90_000)
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode(None))
    run = run_pipeline(config(shared_data, f"table={video}"), tmp_path / "run")
    ids = [row.track_id for row in run.tracklets]
    assert ids == list(range(1, len(ids) + 1))
    assert len(ids) >= 2


def test_a_run_can_be_repeated_in_one_process(shared_data: Path, tmp_path: Path) -> None:
    """Nothing is carried over: ids start again, vectors are the same."""
    settings = config(shared_data, f"table={shared_data / 'videos' / 'one-by-one.mp4'}", duration_s=25, every=2)
    first, second = (run_pipeline(settings, tmp_path / name) for name in ("first", "second"))
    assert first.tracklets == second.tracklets
    np.testing.assert_allclose(first.embeddings, second.embeddings, atol=1e-6)
    assert json.dumps(first.manifest["config"]) == json.dumps(second.manifest["config"])


def test_start_times_put_a_clock_on_everything(shared_data: Path, tmp_path: Path) -> None:
    video = shared_data / "videos" / "one-by-one.mp4"
    camera = CameraConfig.model_validate(
        {"name": "table", "source": str(video), "start": "2024-05-01T09:00:00+02:00", "offset_s": -1.5}
    )
    settings = config(shared_data, duration_s=12).model_copy(update={"cameras": (camera,)})
    run = run_pipeline(settings, tmp_path / "run")
    (row,) = run.tracklets
    assert row.start_time is not None
    assert row.start_time.isoformat() == "2024-05-01T07:00:04.900000+00:00"
    assert run.manifest["cameras"][0]["start_time_source"] == "flag or config"


def reencode_variable(source: Path, target: Path, *, seconds: float) -> list[float]:
    """Encode a recording again with every frame 0.03 s later than the one before it would be and each third missing.

    Returns:
        The presentation time of each frame, as the new file has it.
    """
    with av.open(str(source)) as reader, av.open(str(target), "w") as writer:
        stream = writer.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 768, 432, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 90_000)
        for index, frame in enumerate(reader.decode(video=0)):
            if frame.time > seconds:
                break
            if index % 3 == 2:
                continue
            copy = av.VideoFrame.from_ndarray(frame.to_ndarray(format="rgb24"), format="rgb24")
            jitter_s = 0.03 * (index % 2)
            copy.pts, copy.time_base = round((frame.time + jitter_s) * 90_000), Fraction(1, 90_000)
            writer.mux(stream.encode(copy))
        writer.mux(stream.encode(None))
    with av.open(str(target)) as written:
        return [frame.time for frame in written.decode(video=0)]


def test_a_variable_frame_rate_keeps_the_videos_own_clock(shared_data: Path, tmp_path: Path) -> None:
    video = tmp_path / "variable.mp4"
    times_s = reencode_variable(shared_data / "videos" / "one-by-one.mp4", video, seconds=48)
    steps_s = np.diff(times_s)
    assert steps_s.max() > 2 * steps_s.min()  # it really varies
    run = run_pipeline(config(shared_data, f"table={video}"), tmp_path / "run")
    long = [row for row in run.tracklets if row.end_s - row.start_s >= 2]
    assert len(long) == 2
    frame_s = 1 / run.manifest["cameras"][0]["fps"]
    for row, (start_s, end_s) in zip(long, STAYS_S, strict=False):
        assert row.start_s == pytest.approx(times_s[row.first_frame], abs=1e-3)
        assert row.end_s == pytest.approx(times_s[row.last_frame] + frame_s, abs=1e-3)
        assert (row.start_s, row.end_s) == pytest.approx((start_s, end_s), abs=0.41)
    health = run.manifest["cameras"][0]["health"]
    assert (health["status"], health["gaps"]) == ("ok", [])


def test_a_live_camera_beside_a_recording(shared_data: Path, tmp_path: Path) -> None:
    """A real stream over HTTP, stopped by `duration_s`: complete, with its own annotated video."""
    stream_file = tmp_path / "cam.ts"
    remux(shared_data / "videos" / "street.mp4", stream_file)
    server = CameraServer(stream_file.read_bytes(), seconds=302 / 30)
    server.start()
    try:
        settings = config(
            shared_data,
            f"gate={server.url}",
            f"table={shared_data / 'videos' / 'one-by-one.mp4'}",
            duration_s=4,
            save_video=True,
        )
        run = run_pipeline(settings, tmp_path / "run")
    finally:
        server.kill()
    assert (run.manifest["status"], run.manifest["stopped_by"]) == ("complete", "duration")
    gate, table = run.manifest["cameras"]
    assert (gate["kind"], gate["start_time_source"]) == ("stream", "live")
    assert gate["health"]["frames_decoded"] > 20
    assert (gate["health"]["frames_expected"], table["health"]["status"]) == (None, "ok")
    assert "secret" not in (run.path / "run.json").read_text()
    assert "secret" not in run.report.read_text(encoding="utf-8")
    assert sum(row.camera_id == "gate" for row in run.tracklets) >= 5
    with av.open(str(run.path / "videos" / "gate.mp4")) as drawn:
        assert sum(1 for _ in drawn.decode(video=0)) == gate["counts"]["frames"]
    assert not [path for path in run.path.iterdir() if path.name.startswith(".")]


def test_a_live_camera_stopped_by_hand_is_complete(shared_data: Path, tmp_path: Path) -> None:
    stream_file = tmp_path / "cam.ts"
    remux(shared_data / "videos" / "street.mp4", stream_file)
    server = CameraServer(stream_file.read_bytes(), seconds=302 / 30, silent_after=60)
    server.start()
    listener = StopAfter(20)
    settings = config(shared_data, f"gate={server.url}", save_video=True)
    try:
        run = run_pipeline(settings, tmp_path / "run", listener=listener, stop=listener.stop)
    finally:
        server.kill()
    assert (run.path / "videos" / "gate.mp4").is_file()
    assert (run.manifest["status"], run.manifest["stopped_by"]) == ("complete", "user")

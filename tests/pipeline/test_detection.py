"""Detectors: the real ones on real frames, and `auto` with and without a network."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline import detection
from pipeline.config import DetectorConfig
from pipeline.detection import create_detector, find_weights
from pipeline.hog import HogDetector
from pipeline.yolo import YoloDetector
from reid.errors import WeightsError

YOLO_WEIGHTS = ("yolo11n_int8_openvino_model", "yolov8n_int8.onnx")


def create(name: str, warnings: list[str] | None = None, **settings: object) -> detection.Detector:
    config = DetectorConfig.model_validate({"name": name, **settings})
    return create_detector(config, device="cpu", warn=(warnings if warnings is not None else []).append)


def frames(path: Path, *indices: int) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        decoded = enumerate(container.decode(video=0))
        return [frame.to_ndarray(format="rgb24") for index, frame in decoded if index in indices]


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("network is unreachable")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setenv("VREID_WEIGHTS", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("weights", YOLO_WEIGHTS)
class TestYolo:
    def test_finds_the_one_person_and_nobody_in_an_empty_room(self, shared_data: Path, weights: str) -> None:
        empty, with_person = frames(shared_data / "videos" / "one-by-one.mp4", 0, 100)
        detector = create(str(shared_data / "weights" / weights), conf=0.4)
        nobody, somebody = detector.detect([empty, with_person])
        assert len(nobody) == 0
        assert len(somebody) == 1
        height, width = with_person.shape[:2]
        x1, y1, x2, y2 = somebody.boxes_xyxy[0]
        assert 0 <= x1 < x2 <= width
        assert 0 <= y1 < y2 <= height
        assert y2 - y1 > height / 2
        assert somebody.boxes_xyxy.dtype == somebody.confidences.dtype == np.float32

    def test_a_frame_alone_and_among_others_of_any_size_gives_the_same(self, shared_data: Path, weights: str) -> None:
        detector = create(str(shared_data / "weights" / weights))
        street = frames(shared_data / "videos" / "street.mp4", 0, 1)
        room = frames(shared_data / "videos" / "one-by-one.mp4", 100)
        together = detector.detect([street[0], room[0], street[1]])
        for frame, found in zip([street[0], room[0], street[1]], together, strict=True):
            (alone,) = detector.detect([frame])
            np.testing.assert_allclose(alone.boxes_xyxy, found.boxes_xyxy, atol=1e-3)
            np.testing.assert_allclose(alone.confidences, found.confidences, atol=1e-5)
        assert len(together[0]) >= 10

    def test_colours_are_not_swapped(self, shared_data: Path, weights: str) -> None:
        """Confidence falls when red and blue change places, so the right order must be the surer one."""
        detector = create(str(shared_data / "weights" / weights), conf=0.25)
        pictures = frames(shared_data / "videos" / "street.mp4", 0, 50, 100, 150, 200, 250)
        right = sum(found.confidences.sum() for found in detector.detect(pictures))
        swapped = sum(found.confidences.sum() for found in detector.detect([p[:, :, ::-1] for p in pictures]))
        assert right > swapped

    def test_no_frames_are_no_detections(self, shared_data: Path, weights: str) -> None:
        assert create(str(shared_data / "weights" / weights)).detect([]) == []


STATE = """
import json, os, sys
import cv2, numpy, torch
from PIL import Image
from pipeline.config import DetectorConfig
from pipeline.detection import create_detector
def state():
    functions = [Image.open, cv2.imread, cv2.imwrite, cv2.imshow, torch.save, torch.load]
    printing = {**numpy.get_printoptions(), "formatter": str(numpy.get_printoptions()["formatter"])}
    threads = [torch.get_num_threads(), cv2.getNumThreads(), os.environ.get("OMP_NUM_THREADS")]
    return [threads, printing, *map(id, functions)]
before = state()
detector = create_detector(DetectorConfig(name=sys.argv[1]), device="cpu", warn=print)
detector.detect([numpy.zeros((480, 640, 3), numpy.uint8)])
assert "ultralytics" in sys.modules
assert state() == before, (before, state())
"""


def test_ultralytics_leaves_the_process_as_it_was(shared_data: Path) -> None:
    """In a process of its own, since it replaces functions of other libraries when it is first imported."""
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", STATE, str(shared_data / "weights" / YOLO_WEIGHTS[0])]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


NETWORK = """
import socket, sys
asked = []
for name in ("getaddrinfo", "create_connection", "gethostbyname"):
    setattr(socket, name, lambda *where, **_: asked.append(where) or (_ for _ in ()).throw(OSError("no network")))
socket.socket.connect = lambda self, where: asked.append(where)
import numpy
from pipeline.config import DetectorConfig
from pipeline.detection import create_detector
detector = create_detector(DetectorConfig(name=sys.argv[1]), device="cpu", warn=print)
detector.detect([numpy.zeros((480, 640, 3), numpy.uint8)])
import time
time.sleep(1)
assert not asked, asked
assert sys.modules.get("openvino_telemetry") is None  # it reports from a process of its own
"""


@pytest.mark.parametrize("weights", YOLO_WEIGHTS)
def test_detection_asks_nothing_of_any_network(shared_data: Path, weights: str) -> None:
    """In a process of its own: the libraries report themselves when they are first imported, if they can."""
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", NETWORK, str(shared_data / "weights" / weights)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_hog_finds_people_in_the_street(shared_data: Path) -> None:
    (street,) = frames(shared_data / "videos" / "street.mp4", 0)
    detector = create("hog", imgsz=1280)
    assert isinstance(detector, HogDetector)
    (found,) = detector.detect([street])
    (by_yolo,) = create(str(shared_data / "weights" / YOLO_WEIGHTS[0]), conf=0.5).detect([street])
    centres = (found.boxes_xyxy[:, :2] + found.boxes_xyxy[:, 2:]) / 2
    hits = [
        any(x1 < x < x2 and y1 < y < y2 for x, y in centres.tolist()) for x1, y1, x2, y2 in by_yolo.boxes_xyxy.tolist()
    ]
    assert sum(hits) >= 4
    tiny = np.zeros((50, 30, 3), dtype=np.uint8)
    assert len(detector.detect([tiny])[0]) == 0


@pytest.mark.usefixtures("offline")
class TestOffline:
    def test_auto_falls_back_and_says_so_in_one_line(self) -> None:
        warnings: list[str] = []
        started_s = time.monotonic()
        assert isinstance(create("auto", warnings), HogDetector)
        assert time.monotonic() - started_s < 5
        (warning,) = warnings
        assert "HOG" in warning
        assert "yolo26n.pt" in warning
        assert "\n" not in warning

    def test_auto_takes_weights_that_are_there(self, shared_data: Path, tmp_path: Path) -> None:
        (tmp_path / "yolo26n.pt").symlink_to(shared_data / "weights" / YOLO_WEIGHTS[1])
        assert find_weights("yolo26n.pt") == Path("yolo26n.pt")
        # The name promises a .pt, so ultralytics refuses the ONNX bytes behind it: it was opened, not passed over.
        with pytest.raises(WeightsError, match=r"yolo26n\.pt cannot be used"):
            create("auto")

    def test_named_weights_that_cannot_be_had(self) -> None:
        with pytest.raises(WeightsError, match=r"yolo26n\.pt are not on this machine .* --detector hog"):
            create("yolo26n.pt")

    def test_weights_that_do_not_exist(self) -> None:
        with pytest.raises(WeightsError, match=r"my\.onnx do not exist"):
            create("my.onnx")


def test_a_network_that_never_answers_is_given_up_within_seconds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VREID_WEIGHTS", str(tmp_path))
    over = threading.Event()

    def hang(*_: object, **__: object) -> None:
        over.wait(60)
        raise OSError("timed out")

    monkeypatch.setattr(socket, "create_connection", hang)
    monkeypatch.chdir(tmp_path)
    started_s = time.monotonic()
    assert isinstance(create("auto"), HogDetector)
    assert time.monotonic() - started_s < 5
    over.set()


def test_what_is_no_detector_is_refused(shared_data: Path, tmp_path: Path) -> None:
    text = tmp_path / "weights.onnx"
    text.write_text("this is not a network")
    with pytest.raises(WeightsError, match=r"weights\.onnx cannot be used as detector weights"):
        create(str(text))
    with pytest.raises(WeightsError, match="cannot be used as detector weights"):
        create(str(shared_data / "videos" / "street.mp4"))


def test_a_network_that_knows_no_person_is_refused(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import ultralytics

    monkeypatch.setattr(ultralytics.YOLO, "names", property(lambda _: {0: "cat", 1: "dog"}))
    with pytest.raises(WeightsError, match=r"class 'person' \(it knows: cat, dog"):
        YoloDetector(shared_data / "weights" / YOLO_WEIGHTS[1], conf=0.1, imgsz=None, half=False, device="cpu")

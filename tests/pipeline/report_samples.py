"""A small run for the tests of the report, and a reader of its page."""

import os
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

from pipeline.run_directory import TrackletRow, assign_mot_ids

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Page(HTMLParser):
    """Every element with its attributes, and the text that a reader sees."""

    VOID = frozenset({"meta", "img", "input", "br", "link"})

    def __init__(self, html):
        super().__init__()
        self.elements, self.open, self.words, self.unclosed = [], [], [], []
        self.feed(html)
        self.close()
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.unclosed.append(tag)

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.words.append(data)

    def having(self, name):
        return [attrs for _, attrs in self.elements if name in (attrs.get("class") or "").split()]

    def ids(self):
        return [attrs["id"] for _, attrs in self.elements if "id" in attrs]


@contextmanager
def local_zone(name):
    """Let this process live in another time zone."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = name
    time.tzset()
    try:
        yield
    finally:
        os.environ.pop("TZ")
        os.environ.update({} if before is None else {"TZ": before})
        time.tzset()


def moved(**by):
    """Some time after NOON."""
    return NOON + timedelta(**by)


def row(camera_id="hall", track_id=1, start_s=0.0, end_s=5.0, *, clock=True, start=NOON, **changes):
    known = TrackletRow(
        camera_id, track_id, 0, 10, start_s, end_s, 11, 0.8, "enough", 8, 0, (), f"crops/{camera_id}/{track_id}", True
    )
    if clock:
        times = {"start_time": start + timedelta(seconds=start_s), "end_time": start + timedelta(seconds=end_s)}
        known = replace(known, **times)
    return replace(known, **changes)


def camera(camera_id="hall", *, start=NOON, start_time_source="flag or config", **health):
    return {
        "camera_id": camera_id,
        "source": f"recordings/{camera_id}.mp4",
        "kind": "file",
        "files": [],
        "fps": 10.0,
        "width_px": 640,
        "height_px": 480,
        "start_time": start.isoformat(),
        "start_time_source": start_time_source,
        "health": {
            "status": "ok",
            "frames_expected": 600,
            "frames_decoded": 600,
            "frames_skipped": 0,
            "frames_corrupt": 0,
            "frames_dropped": 0,
            "gaps": [],
            "last_error": None,
            **health,
        },
        "counts": {},
    }


def manifest(*cameras, **changes):
    return {
        "vreid_version": "0.1.0",
        "status": "complete",
        "created": "2026-03-02T08:00:00+00:00",
        "cameras": list(cameras) or [camera("hall"), camera("gate")],
        "detector": {"name": "yolo26n", "weights": "yolo26n.pt", "sha256": "ab" * 32, "settings": {"confidence": 0.25}},
        "tracker": {"name": "bytetrack"},
        "embedder": {"name": "dcct-compact", "trained": True},
        "association": {"threshold": 0.6, "threshold_source": "checkpoint", "far": 0.01},
        "timings": {"wall_s": 12.5, "stages": {"detection": {"busy_s": 9.25, "blocking_s": 8.0}}},
        "device": {"used": "cpu"},
        "warnings": [],
        **changes,
    }


ROWS = assign_mot_ids(
    [
        row("gate", 1, 2, 9, identity_id=1, match_score=0.8, runner_up_score=0.5, runner_up_identity_id=2, margin=0.3),
        row("gate", 2, 20, 21, evidence="short", crops_kept=1),
        row("hall", 1, 1, 4, identity_id=2, runner_up_score=0.4, runner_up_identity_id=1),
        row(
            "hall", 2, 12, 40, identity_id=1, match_score=0.8, runner_up_score=0.5, runner_up_identity_id=2, margin=0.3
        ),
    ]
)

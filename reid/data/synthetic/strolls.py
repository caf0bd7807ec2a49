"""Where the people of single crops walk: up and down somewhere in a camera's picture, alone or with company."""

from __future__ import annotations

import numpy as np

from reid.data.synthetic.bodies.people import People
from reid.data.synthetic.draws import Draws
from reid.data.synthetic.view import View

FRAME_S = 0.08  # between two frames of a tracklet
_NEAREST_M = 1.6  # on the ground, that people come to the camera
_MAX_REACH_M = 8.0  # of a walk to and fro, on both sides of its middle
_BEYOND = 1.6  # of the way to the picture's edge, how far people walk: beyond it, what is behind goes on
_MAX_CHORD_RAD = 0.3  # between where such a walk leads and where its middle heads
_TURNING_M = 0.6  # of a walk, in which people turn round
_LEAST_ASIDE_M = 0.35  # of somebody nearer to the camera, who would else hide a person altogether
_MAX_GAP_SHARE = 0.25  # of the way to the camera, that somebody else is nearer


def stroll(
    tracklet: Draws, frame: np.ndarray, whole: View, camera: np.ndarray, people: People, person: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Say where the people of M crops are.

    They walk in a slight bend, and turn round before they come too close to the camera or go too far; some stand.

    Args:
        tracklet: M seeds, equal for crops of one tracklet.
        frame: (M,) int64, within the tracklet, >= 0.
        whole: C cameras.
        camera: (M,) int64, which of them sees each.
        people: N people.
        person: (M,) int64, which of them each is.

    Returns:
        Places (M, 2) in metres, and (M,) each: yaws and phases of the gait in radians, and strides, 0 standing to 1
        walking.
    """
    yaw = whole.yaw_rad.cpu().numpy()[camera]
    pitch, height_m = whole.pitch_rad.cpu().numpy()[camera], whole.position_m[:, 2].cpu().numpy()[camera]
    half_slope = 0.5 * whole.size_hw[1] / whole.focal_px[:, 0].cpu().numpy()[camera]
    aim_m = np.clip((height_m - 0.9) / np.tan(np.maximum(pitch, 0.08)), 3.5, 10.0)
    away_m = aim_m * tracklet.uniform("away", 0.75, 1.4)
    aside_m = away_m * half_slope * tracklet.uniform("aside", -0.6, 0.6)
    middle_m = _ahead(away_m, aside_m, yaw)
    standing = tracklet.chance("standing", 0.1)
    gait = people.gait
    speed_m_s = gait.speed_m_s.numpy()[person] * tracklet.uniform("hurry", 0.85, 1.12) * ~standing
    heading = tracklet.uniform("heading", -np.pi, np.pi)
    way_m = speed_m_s * (frame * FRAME_S - tracklet.uniform("begun", 0.5, 2.0))
    reach_m = _reach_m(away_m, aside_m, half_slope, heading - yaw)
    along_m, turned_rad = _to_and_fro(way_m, reach_m)
    max_bend = 2 * _MAX_CHORD_RAD / reach_m
    bend = np.clip(tracklet.normal("bend", 0.0, 0.12), -max_bend, max_bend)  # radians per metre
    swaying = standing * 0.3 * np.sin(frame * FRAME_S + tracklet.uniform("turning", 0, 6.28))
    facing = heading + bend * along_m + turned_rad + swaying
    # The chord of an arc points half-way between the directions at its ends.
    chord = heading + 0.5 * bend * along_m
    place_m = middle_m + along_m[:, None] * np.stack([np.cos(chord), np.sin(chord)], axis=1)
    phase = 2 * np.pi * (way_m / gait.stride_m.numpy()[person] + tracklet.uniform("phase"))
    return place_m, facing, phase, (~standing).astype(np.float32)


def _reach_m(away_m: np.ndarray, aside_m: np.ndarray, half_slope: np.ndarray, heading_rad: np.ndarray) -> np.ndarray:
    """How far people can walk to and fro around a place without coming too close to the camera or going too far: (M,).

    Args:
        away_m: (M,), how far from the camera the place is, along its direction of view.
        aside_m: (M,), how far to the left of that.
        half_slope: (M,), the picture's edges are so far aside, 1 m away.
        heading_rad: (M,), of the walk, from the direction of view.
    """
    forward, left = np.cos(heading_rad), np.sin(heading_rad)
    reach_m = np.minimum(_MAX_REACH_M, (away_m - _NEAREST_M) / np.maximum(np.abs(forward), 1e-3))
    for side in (-1.0, 1.0):
        room_m = _BEYOND * half_slope * away_m - side * aside_m
        closing = np.abs(side * left - _BEYOND * half_slope * forward)  # of that room, in a metre
        reach_m = np.minimum(reach_m, room_m / np.maximum(closing, 1e-3))
    limited: np.ndarray = reach_m
    return limited


def _to_and_fro(way_m: np.ndarray, reach_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fold ways (M,) into [-reach, reach] around their middle: places along it, and how far people have turned."""
    laps = (way_m + reach_m) / (2 * reach_m)
    along_m = reach_m * (4 * np.abs(laps / 2 - np.round(laps / 2)) - 1)
    past_turn_m = (laps - np.round(laps)) * 2 * reach_m
    share = np.clip(past_turn_m / _TURNING_M + 0.5, 0.0, 1.0)
    turned_rad = np.pi * (np.round(laps) - 1 + share * share * (3 - 2 * share))
    return along_m, turned_rad


def beside(
    tracklet: Draws, frame: np.ndarray, whole: View, camera: np.ndarray, place_m: np.ndarray, yaw_rad: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Say where somebody else is in the picture of each person, who goes the same way or the opposite one.

    Args:
        tracklet: M seeds, equal for crops of one tracklet.
        frame: (M,) int64, within the tracklet, >= 0.
        whole: C cameras.
        camera: (M,) int64, which of them sees each.
        place_m: (M, 2), where the person is.
        yaw_rad: (M,), where the person faces.

    Returns:
        Places (M, 2) in metres and yaws (M,) in radians.
    """
    to_person = place_m - whole.position_m[:, :2].cpu().numpy()[camera]
    view = np.arctan2(to_person[:, 1], to_person[:, 0])
    nearer = tracklet.chance("company/nearer", 0.5)
    gap_m = tracklet.uniform("company/gap", 0.45, 1.3)
    gap_m = np.where(nearer, -np.minimum(gap_m, _MAX_GAP_SHARE * np.hypot(to_person[:, 0], to_person[:, 1])), gap_m)
    drift_m = tracklet.normal("company/drift", 0.0, 0.35) * (frame * FRAME_S - 1.2)
    aside_m = tracklet.uniform("company/aside", 0.3, 0.85) + drift_m
    aside_m = np.where(nearer, np.maximum(aside_m, _LEAST_ASIDE_M), aside_m)
    aside_m = aside_m * np.where(tracklet.chance("company/side", 0.5), -1.0, 1.0)
    same_way = tracklet.chance("company/same way", 0.5)
    return place_m + _ahead(gap_m, aside_m, view), yaw_rad + np.where(same_way, 0.0, np.pi)


def _ahead(away_m: np.ndarray, aside_m: np.ndarray, yaw_rad: np.ndarray) -> np.ndarray:
    """(M, 2), so far along a direction and so far to its left."""
    cos, sin = np.cos(yaw_rad), np.sin(yaw_rad)
    return np.stack([cos * away_m - sin * aside_m, sin * away_m + cos * aside_m], axis=1)

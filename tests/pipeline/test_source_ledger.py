"""Numbers and losses of frames, on made-up packet lists."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from pipeline.sources.health import MAX_LISTED_GAPS, CameraHealth, CameraStatus, Gap
from pipeline.sources.ledger import DAMAGED_DATA, ENDS_EARLY, NO_FRAMES, FrameLedger, IntervalWatch


def ledger_at_10_fps(can_vanish: bool = False) -> tuple[FrameLedger, CameraHealth]:
    health = CameraHealth()
    ledger = FrameLedger(health, time_base=Fraction(1, 10), origin_s=0.0, interval_s=0.1, packets_can_vanish=can_vanish)
    return ledger, health


def finish(ledger: FrameLedger, frames: int | None = None, end_s: float | None = None) -> None:
    ledger.finish(container_frames=frames, container_end_s=end_s, tolerance_s=0.2)


def test_lost_packets_keep_their_numbers_by_hand() -> None:
    ledger, health = ledger_at_10_fps()
    for pts in [0, 3, 1, 2, 4]:  # order of decoding
        ledger.expect(pts)
    assert ledger.sound(0) == (0, 0.0)
    assert ledger.sound(3) == (3, pytest.approx(0.3))
    ledger.corrupt(4)
    finish(ledger, frames=5)
    assert health.gaps == [Gap(0.1, pytest.approx(0.3), DAMAGED_DATA), Gap(0.4, pytest.approx(0.5), DAMAGED_DATA)]
    assert (health.frames_decoded, health.frames_skipped, health.frames_corrupt) == (2, 2, 1)
    assert (health.frames_expected, health.status) == (5, CameraStatus.DAMAGED)


@pytest.mark.parametrize("seed", range(20))
def test_numbers_are_ranks_among_all_packets_whatever_is_lost(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pts = np.cumsum(rng.integers(1, 9, 200)).tolist()
    lost = set(rng.choice(pts, 40, replace=False).tolist())
    ledger, health = ledger_at_10_fps()
    numbers = {}
    for start in range(0, 200, 4):  # packets arrive shuffled within groups of 4, frames leave in order
        group = pts[start : start + 4]
        for tick in rng.permutation(group).tolist():
            ledger.expect(tick)
        for tick in group:
            if tick not in lost:
                placed = ledger.sound(tick)
                assert placed is not None
                numbers[tick] = placed[0]
    finish(ledger, frames=200)
    assert numbers == {tick: rank for rank, tick in enumerate(pts) if tick not in lost}
    assert (health.frames_decoded, health.frames_skipped, health.frames_expected) == (160, 40, 200)


def test_an_early_end_is_a_gap_up_to_the_containers_end() -> None:
    ledger, health = ledger_at_10_fps()
    for pts in range(6):
        ledger.expect(pts)
        ledger.sound(pts)
    finish(ledger, frames=10, end_s=1.0)
    assert health.gaps == [Gap(pytest.approx(0.6), 1.0, ENDS_EARLY)]
    assert (health.frames_skipped, health.status) == (4, CameraStatus.DAMAGED)


def test_an_end_within_the_tolerance_is_none() -> None:
    ledger, health = ledger_at_10_fps()
    for pts in range(9):
        ledger.expect(pts)
        ledger.sound(pts)
    finish(ledger, end_s=1.0)
    assert (health.frames_expected, health.gaps, health.status) == (9, [], CameraStatus.OK)


def test_nothing_at_all_is_empty() -> None:
    ledger, health = ledger_at_10_fps()
    finish(ledger, frames=0)
    assert health.status == CameraStatus.EMPTY


def test_frames_without_times_are_counted() -> None:
    ledger, health = ledger_at_10_fps()
    for _ in range(3):
        ledger.expect(None)
    assert [ledger.sound(None), ledger.sound(None)] == [(0, 0.0), (1, pytest.approx(0.1))]
    finish(ledger)
    assert (health.frames_decoded, health.frames_skipped) == (2, 1)


def test_a_frame_after_its_turn_is_not_used_and_a_twin_is() -> None:
    ledger, health = ledger_at_10_fps()
    for pts in [0, 1, 1, 2]:
        ledger.expect(pts)
    assert [ledger.sound(pts) is not None for pts in [0, 1, 1, 2, 1]] == [True, True, True, True, False]
    finish(ledger, frames=4)
    assert (health.frames_decoded, health.status) == (4, CameraStatus.OK)


def run_steps(ledger: FrameLedger, pts: list[int]) -> list[int]:
    numbers = []
    for tick in pts:
        ledger.expect(tick)
        placed = ledger.sound(tick)
        assert placed is not None
        numbers.append(placed[0])
    return numbers


def test_a_jump_in_a_whole_file_is_a_pause_in_recording() -> None:
    ledger, health = ledger_at_10_fps(can_vanish=True)
    numbers = run_steps(ledger, [*range(20), *range(50, 60)])
    finish(ledger)
    assert numbers == list(range(30))
    assert health.gaps == [Gap(pytest.approx(2.0), 5.0, NO_FRAMES)]
    assert health.status == CameraStatus.OK


@pytest.mark.parametrize("can_vanish", [True, False])
def test_a_jump_after_damage_is_lost_packets_where_packets_can_vanish(can_vanish: bool) -> None:
    ledger, health = ledger_at_10_fps(can_vanish)
    run_steps(ledger, list(range(20)))
    ledger.damage()
    numbers = run_steps(ledger, list(range(50, 60)))
    finish(ledger)
    assert numbers[0] == (50 if can_vanish else 20)
    assert health.frames_skipped == (30 if can_vanish else 0)
    assert health.gaps == [Gap(pytest.approx(2.0), 5.0, DAMAGED_DATA if can_vanish else NO_FRAMES)]


def test_a_lost_end_is_counted_behind_vanished_packets() -> None:
    ledger, health = ledger_at_10_fps(can_vanish=True)
    run_steps(ledger, list(range(20)))
    ledger.damage()
    run_steps(ledger, list(range(50, 60)))
    ledger.expect(60)
    finish(ledger)
    assert (health.frames_decoded, health.frames_skipped, health.frames_expected) == (30, 31, 61)


def test_a_variable_rate_has_no_gaps() -> None:
    rng = np.random.default_rng(0)
    ledger, health = ledger_at_10_fps(can_vanish=True)
    run_steps(ledger, np.cumsum(rng.integers(1, 20, 500)).tolist())
    finish(ledger)
    assert (health.gaps, health.status) == ([], CameraStatus.OK)


def test_frequent_pauses_are_a_way_of_recording() -> None:
    ledger, health = ledger_at_10_fps()
    run_steps(ledger, [burst * 100 + step for burst in range(20) for step in range(20)])
    finish(ledger)
    assert health.gaps == []


def test_rounded_intervals_are_steady() -> None:
    watch = IntervalWatch()
    assert [watch.missing_frames(step) for step in [0.033, 0.033, 0.034] * 20] == [0] * 60
    assert watch.missing_frames(0.033 + 127 / 30) == 127


def test_gaps_that_touch_become_one_and_the_list_is_bounded() -> None:
    health = CameraHealth()
    health.add_gap(0.0, 1.0, "a")
    health.add_gap(1.0, 2.0, "a")
    health.add_gap(2.0, 3.0, "b")
    assert health.gaps == [Gap(0.0, 2.0, "a"), Gap(2.0, 3.0, "b")]
    for start in range(10, 10 + 2 * MAX_LISTED_GAPS, 2):
        health.add_gap(start, start + 1, "a")
    assert (len(health.gaps), health.gaps_unlisted) == (MAX_LISTED_GAPS, 2)


def test_health_worsens_only_and_becomes_plain_values() -> None:
    health = CameraHealth(frames_expected=5)
    health.mark(CameraStatus.LOST, "gone")
    health.mark(CameraStatus.DAMAGED)
    health.add_gap(0.12345, 1.0, "a")
    assert health.to_dict() == {
        "status": "lost",
        "frames_expected": 5,
        "frames_decoded": 0,
        "frames_skipped": 0,
        "frames_corrupt": 0,
        "frames_dropped": 0,
        "gaps": [{"start_s": 0.123, "end_s": 1.0, "reason": "a"}],
        "gaps_unlisted": 0,
        "last_error": "gone",
    }
    copy = health.snapshot()
    health.add_gap(5.0, 6.0, "a")
    assert len(copy.gaps) == 1
    assert CameraHealth.failed(ValueError("no")).to_dict()["status"] == "failed"

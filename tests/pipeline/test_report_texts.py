"""Times and lengths of time in words."""

import pytest

from pipeline.report_texts import duration_text, rough_length_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 0 s"),
        (61.6, "1 min 2 s"),
        (3599.6, "1 h 0 min"),
        (7500, "2 h 5 min"),
    ],
)
def test_durations(seconds, text):
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (61, "61 s"),
        (119, "119 s"),
        (130, "2 min"),
        (119 * 60, "119 min"),
        (14 * 3600, "14 h"),
        (47 * 3600, "47 h"),
        (6.98 * 86_400, "7 d"),
        (59 * 86_400, "59 d"),
        (100 * 86_400, "3 mo"),
        (365 * 86_400, "1 y"),
        (889.4 * 86_400, "2 y 5 mo"),
    ],
)
def test_rough_lengths(seconds, text):
    assert rough_length_text(seconds) == text

"""Numbers are printed one way, and a difference never loses its sign or becomes 0."""

import pytest

from collegium.report.wording import (
    change,
    count,
    counted,
    listed,
    number,
    rows_of,
    seconds,
    share,
    size,
)


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        (number("auc", 0.87449), "0.874"),
        (number("r2", -0.25), "−0.250"),
        (number("r2", -0.0001), "0.000"),
        (number("mae", 1234.5678), "1235"),
        (number("mae", 0.012345), "0.01235"),
        (change("auc", 0.0125), "+0.013"),
        (change("auc", -0.02), "−0.020"),
        (change("auc", 0.0), "0.000"),
        (change("brier", 0.0004), "+<0.001"),
        (change("brier", -0.00041), "−<0.001"),
        (change("mae", 0.00041), "+0.00041"),
        (share(0.4763), "47.6\u00a0%"),
        (count(1234567), "1\u202f234\u202f567"),
        (counted(1, "entry", "entries"), "1 entry"),
        (counted(0, "round"), "0 rounds"),
        (rows_of(2996, 9), "2\u202f996 rows of 9 persons"),
        (rows_of(130, 130), "130 rows"),
        (seconds(0.0123456), "12.3 ms"),
        (seconds(0.99999), "1 s"),
        (seconds(119.4), "119 s"),
        (seconds(3599.7), "1 h 0 min"),
        (seconds(0.0), "0 ms"),
        (size(999), "999 bytes"),
        (size(999.6), "1 kB"),
        (size(123_456_789), "123 MB"),
        (listed(["a"]), "a"),
        (listed(["a", "b", "c"]), "a, b and c"),
    ],
)
def test_a_number_is_printed_so(printed: str, expected: str) -> None:
    assert printed == expected

"""What is said of arms that a log supports badly, and what to do about it."""

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from rectune_dsl.hooks.api import Support
from rectune_dsl.report.support import advice, print_support

GOOD = Support(10_000, 8_000.0, 1.002, 0.01, 4.2, 0.004, 0.0, 0.0, 0.0)


def test_of_good_support_nothing_is_said():
    assert advice({"control": GOOD, "r1p1": GOOD}) == ()


@pytest.mark.parametrize(
    ("change", "said", "to_do"),
    [
        ({"unlogged": 0.2, "mean": 0.8}, "20.0 % of the choices are items that were never logged", "filter"),
        ({"rare": 0.05}, "5.0 % of the choices are items with a propensity below", "exploration"),
        ({"mean": 0.7}, "the mean weight is 0.700, and 1 is expected", "Check that `propensity`"),
        ({"mean": 1.4, "mean_se": 0.05}, "the mean weight is 1.400", "Check that `propensity`"),
        ({"effective": 500.0}, "worth as little as 5.0 % of the log", "a higher temperature"),
        ({"share": 0.6}, "ten weights hold up to 60.0 % of the sum", 'estimator = "dr"'),
    ],
)
def test_each_fault_is_said_once_with_what_to_do(change, said, to_do):
    (note,) = advice({"control": GOOD, "r1p1": replace(GOOD, **change), "r1p2": replace(GOOD, **change)})
    assert note.startswith("r1p1, r1p2: ")
    assert said in note
    assert to_do in note


def test_a_mean_weight_is_doubted_beyond_its_own_error_only():
    assert advice({"r1p1": replace(GOOD, mean=1.4, mean_se=0.2)}) == ()


def test_the_table_has_a_row_per_arm_and_advice_below():
    stream = StringIO()
    far = replace(GOOD, effective=120.0, clipped=0.0004)
    print_support(Console(file=stream, width=200), {"control": GOOD, "r1p1": far}, "support")
    assert "support: effective sample of 10,000 impressions" in stream.getvalue()
    lines = [" ".join(line.split()) for line in stream.getvalue().splitlines()]
    assert "control 8,000 1.002 ±0.01 4.2 0.4 % 0 % 0 % 0 %" in lines
    assert "r1p1 120 1.002 ±0.01 4.2 0.4 % < 0.1 % 0 % 0 %" in lines
    assert any(line.startswith("r1p1: worth as little as 1.2 % of the log") for line in lines)


def test_without_a_log_nothing_is_printed():
    stream = StringIO()
    print_support(Console(file=stream), {}, "support")
    assert stream.getvalue() == ""

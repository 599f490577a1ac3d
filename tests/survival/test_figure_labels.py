"""The numbers under the axis of a survival figure read as times."""

from pnstrial import figures
from pnstrial.survival import kaplan_meier


def test_times_of_four_digits_are_whole_numbers():
    axes = figures.kaplan_meier(kaplan_meier([100, 400, 900, 1227], [1, 0, 1, 0]))
    words = " ".join(text.get_text() for text in [*axes.texts, *axes.get_xticklabels()]).split()
    assert {"1000", "1200"} <= set(words)
    assert not any("e+" in word for word in words)

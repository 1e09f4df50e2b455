"""Tables that are read a part at a time: the same numbers and the same faults, whatever the parts, in little memory."""

import tracemalloc

import pandas as pd
import pytest

from beyond_sharpening.analysis import estimates, goals, mechanism, scores_of, store_samples
from beyond_sharpening.analysis.mechanisms import draws
from beyond_sharpening.analysis.validation.worlds import draw_samples, make_world, member
from beyond_sharpening.objectives import Objective
from synthetic_samples import synthetic_samples


class Split:
    """A frame in groups of rows."""

    def __init__(self, frame, size):
        self.frame, self.size, self.columns = frame, size, [*frame]
        self.sizes = [min(size, len(frame) - start) for start in range(0, len(frame), size)]

    def read(self, columns, group):
        yield self.frame[list(columns)].iloc[group * self.size :][: self.size].reset_index(drop=True)


@pytest.fixture(scope="module")
def drawn():
    return draw_samples(make_world(3, 20), {"a": member(2), "b": member(1, 2)}, n_samples=8, seeds=[0, 1])


@pytest.mark.parametrize("how", ["as drawn", "shuffled"])
def test_parts_and_blocks_of_problems_change_no_number(drawn, how, monkeypatch):
    samples, scores = (table if how == "as drawn" else table.sample(frac=1, random_state=0) for table in drawn)
    stored = store_samples({"one": Split(samples[:333], 200), "other": Split(samples[333:], 300)}, "m")
    monkeypatch.setattr(draws, "BLOCK", 300)
    found = mechanism(stored, scores_of(Split(scores, 400)))
    monkeypatch.undo()
    pd.testing.assert_frame_equal(found, mechanism(*drawn), rtol=1e-6)
    pd.testing.assert_frame_equal(estimates(stored, [1, 4]), estimates(drawn[0], [1, 4]))


def test_goals_are_those_of_the_whole_table():
    samples = synthetic_samples({"base": 0.4, "tempered": 0.6}, seeds=[0, 1], base_decoders={"greedy": 1})
    asked = {("tempered", "alpha2"): Objective.named("tempered", alpha=2.0)}
    stored = store_samples({"all": Split(samples, 30)}, "tiny")
    pd.testing.assert_frame_equal(goals(stored, asked, seed=0), goals(samples, asked, seed=0))


def test_samples_without_a_number_are_counted_across_parts(drawn):
    samples = drawn[0].drop(columns="sample_id")
    stored = store_samples({"all": Split(samples, 200)}, "m")
    pd.testing.assert_frame_equal(mechanism(stored), mechanism(drawn[0]), rtol=1e-6)


@pytest.mark.parametrize(
    ("far", "told"),
    [
        (lambda rows: pd.concat([rows, rows.head(2)]), "'sample_id' is there twice.*, in 2 of 98 rows; row 96: 0"),
        (lambda rows: rows.assign(answer="5"), "one answer of a problem is graded both correct and wrong"),
        (lambda rows: rows.assign(correct=rows["correct"].astype(int) * 2), "is neither true nor false, in .* of 96"),
        (lambda rows: rows.head(0), "the table has no rows"),
    ],
)
def test_what_only_distant_rows_show_is_told_as_of_the_whole(far, told):
    rows = far(synthetic_samples({"base": 0.5}, n_problems=12).sort_values("correct", ignore_index=True))
    with pytest.raises(ValueError, match=f"(?s)samples table mine: .*{told}"):
        store_samples({"mine": Split(rows, 7)}, "tiny")


def peak_of(n_samples, use):
    """The most bytes held at once, less those of the table itself, which is made beforehand."""
    samples, _ = draw_samples(make_world(0, 40), {"a": member(2)}, n_samples=n_samples)
    texts = samples.select_dtypes("str").columns
    table = Split(samples.astype(dict.fromkeys(texts, "category")), 2000)
    tracemalloc.start()
    try:
        use(store_samples({"all": table}, "m"))
        return tracemalloc.get_traced_memory()[1], len(samples)
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_samples(monkeypatch):
    monkeypatch.setattr(draws, "BLOCK", 2000)
    peak_of(4, mechanism)  # what is imported and kept on the way
    (few, n_few), (many, n_many) = (peak_of(n_samples, mechanism) for n_samples in (16, 160))
    assert (many - few) / (n_many - n_few) < 100, "of a policy and its base alone a few numbers a row are held"

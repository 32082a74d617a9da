"""Windows of many dates at once against plain loops and SQL: late rows, edges, parts of any size, and sums that are exact."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.errors import TableError
from leap.features import EventStream, stream_windows
from leap.features.exact import Parts
from leap.features.windows import DAY, Grid, Rows, Span, WindowSums, distinct, extremes

SPANS = (Span(7), Span(28), Span(14, 7), Span(371, 364))
DATES = np.array([400, 407, 431, 500, 790]) * DAY
FEW = settings(max_examples=15, deadline=None)
N_ACCOUNTS, N_ITEMS = 4, 3
SEED = st.integers(0, 2**31)


class World:
    """Rows on and beside the edges of windows, a third of them known late, and pairs with dates of their own."""

    def __init__(self, seed: int, n_rows: int = 60):
        rng = np.random.default_rng(seed)
        offsets = np.array([0, 7, 14, 28, 364, 371, 3, 100])
        at = rng.choice(DATES, n_rows) - rng.choice(offsets, n_rows) * DAY + rng.choice([-1, 0, 1, DAY // 2], n_rows)
        late = rng.choice([0, 0, 0, 1, 7 * DAY, 90 * DAY], n_rows)
        self.rows = Rows.of(rng.integers(0, N_ACCOUNTS, n_rows), at, at + late)
        self.items = rng.integers(-1, N_ITEMS, n_rows).astype(np.int32)
        self.values = rng.integers(-5, 50, n_rows)
        asked = rng.random((N_ACCOUNTS, len(DATES))) < 0.6
        self.codes, which = np.nonzero(asked)
        self.dates = DATES[which]
        self.grid = Grid.of(N_ACCOUNTS, self.codes, self.dates, SPANS)

    def seen(self, pair: int, span: Span) -> np.ndarray:
        """Which rows lie in a span of a pair and were known before its date."""
        date = self.dates[pair]
        inside = (self.rows.at >= date - span.far * DAY) & (self.rows.at < date - span.near * DAY)
        return inside & (self.rows.known < date) & (self.rows.codes == self.codes[pair])

    def sums(self) -> np.ndarray:
        """By plain loops."""
        found = np.zeros((len(self.codes), len(SPANS), N_ITEMS), dtype=np.int64)
        for pair in range(len(self.codes)):
            for s, span in enumerate(SPANS):
                for item in range(N_ITEMS):
                    found[pair, s, item] = self.values[self.seen(pair, span) & (self.items == item)].sum()
        return found

    def parts(self, cuts: list[int]) -> Iterator[tuple[Rows, np.ndarray, np.ndarray]]:
        """The rows in several parts."""
        for some in np.split(np.arange(len(self.values)), cuts):
            rows = Rows.of(self.rows.codes[some], self.rows.at[some], self.rows.known[some])
            yield rows, self.values[some], self.items[some]


def added(grid: Grid, parts: Any) -> np.ndarray:
    sums = WindowSums(grid, N_ITEMS)
    for rows, values, items in parts:
        sums.add(rows, values, items)
    return sums.read()


@FEW
@given(SEED, st.lists(st.integers(0, 60), max_size=4).map(sorted))
def test_windows_of_parts_of_any_size_are_those_of_a_plain_loop(seed, cuts):
    world = World(seed)
    np.testing.assert_array_equal(added(world.grid, world.parts(cuts)), world.sums())


@FEW
@given(SEED)
def test_accounts_in_parts_for_lack_of_memory_are_the_accounts_together(seed):
    world = World(seed)
    for budget in (1, 3_000, 10**9):
        found = np.full((world.grid.n_pairs, len(SPANS), N_ITEMS), -1)
        chunks = list(world.grid.chunks(budget, N_ITEMS))
        for pairs, grid in chunks:
            found[pairs] = added(grid, world.parts([]))
        np.testing.assert_array_equal(found, world.sums())
        assert len(chunks) == {1: N_ACCOUNTS, 10**9: 1}.get(budget, len(chunks))


@FEW
@given(SEED)
def test_edges_are_found_without_the_table_of_days_too(seed):
    """Many profiles over many days have no table; they search."""
    world = World(seed)
    object.__setattr__(world.grid, "guess", (np.zeros(0, dtype=np.int32), 0, 0))
    np.testing.assert_array_equal(added(world.grid, world.parts([])), world.sums())


@FEW
@given(SEED)
def test_distinct_items_and_ages_are_those_of_a_plain_loop(seed):
    world = World(seed)
    spans = tuple(span for span in SPANS if not span.near)
    counts = distinct(world.grid, world.rows, world.items, spans)
    first, last = extremes(world.grid, world.rows)
    for pair in range(len(world.codes)):
        for s, span in enumerate(spans):
            items = set(world.items[world.seen(pair, span)]) - {-1}
            assert counts[pair, s] == len(items)
        at = world.rows.at[world.seen(pair, Span(10_000))]
        expected = np.array([at.min(), at.max()] if len(at) else ["NaT"] * 2, dtype="datetime64[us]")
        np.testing.assert_array_equal([first[pair], last[pair]], expected)


def test_an_event_on_the_date_is_not_in_its_window_and_one_on_the_first_edge_is():
    grid = Grid.of_all(1, np.array([100, 107]) * DAY, (Span(7),))
    at = np.array([100, 93, 93, 107]) * DAY - np.array([0, 0, 1, 0])
    sums = WindowSums(grid)
    sums.add(Rows.of(np.zeros(4), at, at), np.array([1, 10, 100, 1000]))
    assert sums.read().ravel().tolist() == [10, 1]


def test_a_late_row_is_missing_only_on_the_dates_it_was_not_known_before():
    dates = np.array([100, 110, 120, 130]) * DAY
    sums = WindowSums(Grid.of_all(1, dates, (Span(50),)))
    sums.add(Rows.of(np.zeros(1), np.array([95 * DAY]), np.array([110 * DAY])))
    assert sums.late_rows == 1
    assert sums.read().ravel().tolist() == [0, 0, 1, 1]


def test_running_sums_that_overflow_leave_windows_right():
    """Differences of wrapped sums are exact as long as the window itself fits."""
    at = np.array([10, 20, 30, 95]) * DAY
    sums = WindowSums(Grid.of_all(1, np.array([40, 100]) * DAY, (Span(10), Span(40))))
    sums.add(Rows.of(np.zeros(4), at, at), np.array([2**62, 2**62, 2**62, 7]))
    assert sums.read().ravel().tolist() == [2**62, 3 * 2**62 - 2**64, 7, 7]


@pytest.mark.parametrize("n_accounts", [0, 1, 5])
def test_nothing_recorded_and_nobody_asked_give_zeros_and_nothing(n_accounts: int):
    nothing = Rows.of(np.zeros(0), np.zeros(0), np.zeros(0))
    everyone = WindowSums(Grid.of_all(n_accounts, DATES, SPANS))
    everyone.add(nothing)
    assert not everyone.read().any()
    nobody = WindowSums(Grid.of(n_accounts, np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), SPANS))
    nobody.add(nothing)
    assert nobody.read().shape == (0, len(SPANS), 1)


# --- sums that are exact

AWKWARD = st.one_of(
    st.integers(-(10**6), 10**6).map(float),
    st.floats(-1e6, 1e6, allow_nan=False),
    st.sampled_from([0.1, 0.2, 1 / 3, 1e-9, 2.0**45 + 1, 1e20, -(2.0**60), np.nan, 0.0, 12.345678901]),
)


@FEW
@given(st.lists(AWKWARD, min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_a_sum_of_parts_does_not_depend_on_order_or_on_what_is_added_and_taken_away(values, random):
    shuffled = random.sample(values, len(values))
    one, other = (
        Parts.of(np.array(some)).summed(np.zeros(len(some), dtype=int), 1).joined() for some in (values, shuffled)
    )
    assert one.tobytes() == other.tobytes()
    beside = Parts.of(np.array([*values, 1e19, 0.7, 1 / 7]))
    sums = {name: part.sum(keepdims=True) - part[-3:].sum() for name, part in beside.items()}
    assert Parts(**sums).joined().tobytes() == one.tobytes()
    size = float(np.nansum(np.abs(values)))
    assert one[0] == pytest.approx(float(np.nansum(values)), rel=1e-9, abs=1e-14 * size + 1e-17)


def test_sums_of_decimal_numbers_are_decimal_sums():
    """In float64, 0.1 + 0.2 is 0.30000000000000004 and ten cents a thousand times are 99.9999999999986."""
    for values, expected in (
        ([0.1, 0.2], 0.3),
        ([0.1] * 1000, 100.0),
        ([19.99] * 3, 59.97),
        ([1e15, 0.25], 1e15 + 0.25),
    ):
        found = Parts.of(np.array(values)).summed(np.zeros(len(values), dtype=int), 1).joined()
        assert found.tolist() == [expected]


def test_a_number_beyond_all_measure_makes_its_own_sum_missing_and_no_other():
    sums = Parts.of(np.array([1e300, 1.0, 2.0])).summed(np.array([0, 0, 1]), 2).joined()
    np.testing.assert_array_equal(sums, [np.nan, 2.0])


# --- record batches

NAMES, KINDS = [f"account {i}" for i in range(5)], ["a", "b"]
MOMENTS = [np.datetime64("2024-03-01"), np.datetime64("2024-04-01"), np.datetime64("2024-04-08")]
DAYS = [7, 31, 60]


def events(seed: int, n: int = 120, quantity: Any = None) -> pa.Table:
    rng = np.random.default_rng(seed)
    edges = np.array(MOMENTS, dtype="datetime64[us]")
    at = rng.choice(edges, n) - rng.choice([0, 1, 7, 31, 45, 60], n).astype("timedelta64[D]")
    at = at + rng.choice([-1, 0, 0, 1], n).astype("timedelta64[us]")
    known = at + rng.choice([0, 0, 0, 5, 40], n).astype("timedelta64[D]")
    return pa.table(
        {
            "account_id": rng.choice([*NAMES, "somebody else"], n),
            "kind": rng.choice([*KINDS, "another"], n),
            "occurred_at": pa.array(at),
            "loaded_at": pa.array(known),
            "quantity": rng.integers(0, 9, n) if quantity is None else rng.choice(quantity, n),
        }
    )


def streamed(table: pa.Table, batch: int = 1000, budget: int = 2**30, **columns: str) -> np.ndarray:
    named = {"known_at": "loaded_at", "kind": "kind", "quantity": "quantity", **columns}
    stream = EventStream(lambda: table.to_batches(max_chunksize=batch), **named)
    return stream_windows(stream, NAMES, MOMENTS, DAYS, KINDS, budget).sums


SQL = """
SELECT COALESCE(SUM(quantity), 0) FROM events WHERE account_id = $account AND kind = $kind
AND occurred_at < $date AND occurred_at >= $date - to_days($days) AND loaded_at < $date
"""


@pytest.mark.parametrize("seed", [1, 2])
def test_streamed_windows_are_those_of_sql(seed: int):
    table = events(seed)
    found = streamed(table)
    with duckdb.connect() as connection:
        connection.register("events", table)
        for (i, d, w, k), value in np.ndenumerate(found):
            asked = {"account": NAMES[i], "kind": KINDS[k], "days": DAYS[w], "date": MOMENTS[d].item()}
            assert value == connection.execute(SQL, asked).fetchall()[0][0], asked


@FEW
@given(SEED, st.sampled_from([1, 7, 50, 1000]), st.sampled_from([1, 2000, 2**30]))
def test_batches_dictionaries_order_and_memory_change_no_bit_of_a_stream(seed, batch, budget):
    table = events(seed, quantity=[0.1, 0.2, 1 / 3, 4.0, 2.0**41])
    expected = streamed(table)
    shuffled = table.take(pa.array(np.random.default_rng(seed).permutation(len(table))))
    encoded = shuffled.set_column(0, "account_id", shuffled["account_id"].combine_chunks().dictionary_encode())
    for other in (table, shuffled, encoded):
        assert streamed(other, batch, budget).tobytes() == expected.tobytes()


def test_a_stream_says_how_many_rows_it_read_and_how_many_were_late():
    table = events(3)
    stream = EventStream(lambda: table.to_batches(), known_at="loaded_at")
    found = stream_windows(stream, NAMES, MOMENTS, [1000])
    edges = np.array(MOMENTS, dtype="datetime64[us]")
    at, known = (table[name].to_numpy() for name in ("occurred_at", "loaded_at"))
    here = np.isin(table["account_id"].to_numpy(zero_copy_only=False), NAMES)
    late = here & ((at[:, None] < edges) & (known[:, None] >= edges)).any(axis=1)
    assert (found.rows, found.late_rows) == (120, late.sum())
    assert found.sums[..., -1, -1, 0].sum() == (here & (known < edges[-1])).sum(), "one each without a quantity"


def test_a_stream_refuses_missing_columns_values_and_moments_that_are_text():
    table = events(4, 5)
    with pytest.raises(TableError, match="missing column 'when'"):
        streamed(table, at="when")
    with pytest.raises(TableError, match=r"quantity: 1 of 5 values of a batch are missing"):
        streamed(table.set_column(4, "quantity", pa.array([1, None, 3, 4, 5])))
    with pytest.raises(TableError, match="occurred_at: expected dates or timestamps, found string"):
        streamed(table.set_column(2, "occurred_at", table["occurred_at"].cast(pa.string())))
    with pytest.raises(ValueError, match="distinct dates in order"):
        stream_windows(EventStream(lambda: []), NAMES, MOMENTS[::-1], DAYS)


def test_a_loop_that_cannot_be_kept_on_disk_is_compiled_all_the_same():
    """This function has no file."""
    from leap.compiled import compiled, folder_of
    from leap.compiled.signature import Integers

    names: dict[str, Any] = {}
    exec("def double(x):\n    x[0] *= 2", names)  # noqa: S102
    names["double"].__annotations__ = {"x": Integers, "return": None}
    number = np.array([21])
    double = compiled(names["double"])
    double(number)
    assert number == 42 and folder_of(double) is None

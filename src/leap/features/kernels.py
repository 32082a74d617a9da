"""The loops over rows and accounts, compiled by numba or read from disk when they are first called.

All moments and offsets are int64 microseconds. A *profile* is a set of dates that accounts share, with the edges of all
their windows in order; cell b of an account holds what lies in `[edges[b], edges[b + 1])`. What is known at or after a
date is not seen on it, so a row known later than a date that its own time precedes is *late* on that date.
"""

from __future__ import annotations

from leap.compiled import called, compiled
from leap.compiled.signature import Codes, IntegerCube, Integers, IntegerTable

_DAY = 86_400_000_000


@called
def not_after(moments: Integers, start: int, stop: int, moment: int) -> int:
    """How many of the sorted `moments[start:stop]` are at or before a moment."""
    low, high = start, stop
    while low < high:
        middle = (low + high) // 2
        if moments[middle] <= moment:
            low = middle + 1
        else:
            high = middle
    return low - start


@compiled
def add(
    codes: Codes, at: Integers, known: Integers, items: Codes, values: Integers, profile: Codes, cell_start: Integers,
    pair_start: Integers, edges: Integers, edge_start: Integers, dates: Integers, date_start: Integers,
    dates_until: Integers, guess: Codes, guess_from: int, guess_days: int, far: Integers, near: Integers, n_items: int,
    cells: Integers, late_sums: IntegerCube, late_rows: Integers,
) -> None:  # fmt: skip
    """Add rows to the cells of their accounts, and subtract late ones from the dates they are late on.

    An empty `items` stands for item 0 and an empty `values` for 1 in every row. Adds to `late_rows`, shape (1,), how
    many rows are late.
    """
    one_item, ones, guessed = len(items) == 0, len(values) == 0, len(guess) > 0
    late = 0
    for i in range(len(codes)):
        account = codes[i]
        if account < 0 or profile[account] < 0:
            continue
        item = 0 if one_item else items[i]
        if item < 0:
            continue
        p, moment = profile[account], at[i]
        first = edge_start[p]
        n = edge_start[p + 1] - first
        if guessed:
            day = moment // _DAY - guess_from
            if day < 0 or day >= guess_days:
                continue
            passed = guess[p * guess_days + day]
            while passed < n and edges[first + passed] <= moment:
                passed += 1
        else:
            passed = not_after(edges, first, first + n, moment)
        if passed == 0 or passed == n:
            continue  # before every window, or not before any date
        value = 1 if ones else values[i]
        cells[(cell_start[account] + passed - 1) * n_items + item] += value
        if known[i] < edges[first + passed]:
            continue
        begin, end = date_start[p], date_start[p + 1]
        d = begin + dates_until[first + passed - 1]
        is_late = False
        while d < end and dates[d] <= known[i]:
            is_late = True
            pair = pair_start[account] + d - begin
            for s in range(len(far)):
                if dates[d] - far[s] <= moment and moment < dates[d] - near[s]:
                    late_sums[pair, s, item] -= value
            d += 1
        late += is_late
    late_rows[0] += late


@compiled
def windows_of_cells(
    profile: Codes, cell_start: Integers, pair_start: Integers, edges: Integers, edge_start: Integers, dates: Integers,
    date_start: Integers, far: Integers, near: Integers, n_items: int, cells: Integers, sums: IntegerCube,
    lower: IntegerTable, upper: IntegerTable,
) -> None:  # fmt: skip
    """Add to `sums` (n_pairs, n_spans, n_items) every window as the difference of two running sums of cells.

    `lower` and `upper` are room for the most dates of a profile, shape (n_dates, n_spans).
    """
    of_profile = -1
    for account in range(len(profile)):
        p = profile[account]
        if p < 0:
            continue
        n_cells, n_dates = edge_start[p + 1] - edge_start[p] - 1, date_start[p + 1] - date_start[p]
        if p != of_profile:
            of_profile = p
            for d in range(n_dates):
                for s in range(len(far)):
                    date = dates[date_start[p] + d]
                    lower[d, s] = not_after(edges, edge_start[p], edge_start[p + 1], date - far[s]) - 2
                    upper[d, s] = not_after(edges, edge_start[p], edge_start[p + 1], date - near[s]) - 2
        base = cell_start[account] * n_items
        for c in range(base + n_items, base + n_cells * n_items):
            cells[c] += cells[c - n_items]
        for d in range(n_dates):
            for s in range(len(far)):
                for item in range(n_items):
                    before = cells[base + lower[d, s] * n_items + item] if lower[d, s] >= 0 else 0
                    after = cells[base + upper[d, s] * n_items + item]
                    sums[pair_start[account] + d, s, item] += after - before


@compiled
def extremes(
    codes: Codes, at: Integers, known: Integers, profile: Codes, pair_start: Integers, dates: Integers,
    date_start: Integers, first: Integers, last: Integers,
) -> None:  # fmt: skip
    """Earliest and latest own time of the rows known before each date, into `first` and `last` by pair.

    A row is put to the first date on which it is seen; running extremes over the dates of an account do the rest.
    """
    for i in range(len(codes)):
        account = codes[i]
        if account < 0 or profile[account] < 0:
            continue
        begin, end = date_start[profile[account]], date_start[profile[account] + 1]
        d = not_after(dates, begin, end, max(at[i], known[i]))
        if d < end - begin:
            pair = pair_start[account] + d
            first[pair] = min(first[pair], at[i])
            last[pair] = max(last[pair], at[i])
    for account in range(len(profile)):
        if profile[account] >= 0:
            for pair in range(pair_start[account] + 1, pair_start[account + 1]):
                first[pair] = min(first[pair], first[pair - 1])
                last[pair] = max(last[pair], last[pair - 1])


@compiled
def distinct(
    codes: Codes, at: Integers, known: Integers, items: Integers, profile: Codes, pair_start: Integers, dates: Integers,
    date_start: Integers, far: Integers, widest: int, counts: IntegerTable,
) -> None:  # fmt: skip
    """Count into `counts` (n_pairs, n_spans) the items seen in `[date - far, date)`; rows sorted by code, item, time.

    An item is in a window if the last time it was seen before the date lies in it; `widest` is the largest of `far`.
    """
    n, i = len(codes), 0
    while i < n:
        stop = i + 1
        while stop < n and codes[stop] == codes[i] and items[stop] == items[i]:
            stop += 1
        account, begin, end = codes[i], 0, 0
        if account >= 0 and items[i] >= 0 and profile[account] >= 0:
            begin, end = date_start[profile[account]], date_start[profile[account] + 1]
        passed = i
        for d in range(begin + not_after(dates, begin, end, at[i]), end):
            if dates[d] - at[stop - 1] > widest:
                break
            while passed < stop and at[passed] < dates[d]:
                passed += 1
            seen = passed - 1
            while seen >= i and known[seen] >= dates[d]:
                seen -= 1
            if seen >= i:
                for s in range(len(far)):
                    if dates[d] - at[seen] <= far[s]:
                        counts[pair_start[account] + d - begin, s] += 1
        i = stop

"""Every law of widths: the number given is enough, and one less is not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ternc.numeric import ceil_div, clog2, range_bits, signed_bits, unsigned_bits

integers = st.integers(-(2**70), 2**70)


@given(integers, st.integers(1, 2**40))
def test_ceil_div_is_the_smallest_quotient_that_covers(dividend: int, divisor: int) -> None:
    quotient = ceil_div(dividend, divisor)
    assert (quotient - 1) * divisor < dividend <= quotient * divisor


@given(st.integers(1, 2**70))
def test_clog2_numbers_that_many_things(count: int) -> None:
    bits = clog2(count)
    assert 2**bits >= count
    assert bits == 0 or 2 ** (bits - 1) < count


@given(st.integers(0, 2**70))
def test_unsigned_bits_hold_the_value_and_no_fewer_do(high: int) -> None:
    bits = unsigned_bits(high)
    assert high <= 2**bits - 1
    assert bits == 1 or high > 2 ** (bits - 1) - 1


@given(integers, integers)
def test_signed_bits_hold_both_ends_and_no_fewer_do(a: int, b: int) -> None:
    low, high = min(a, b), max(a, b)
    bits = signed_bits(low, high)

    def fits(n: int) -> bool:
        return -(1 << n - 1) <= low and high <= (1 << n - 1) - 1

    assert fits(bits)
    assert bits == 1 or not fits(bits - 1)


@given(integers, st.integers(0, 2**70))
def test_range_bits_are_those_of_the_code(low: int, size: int) -> None:
    assert range_bits(low, low + size) == unsigned_bits(size)

"""Laws of widths. Pure functions of integers; nothing here knows of networks or hardware."""

from __future__ import annotations


def ceil_div(dividend: int, divisor: int) -> int:
    """Quotient rounded up, for a positive divisor.

    Law: ``(q - 1) * divisor < dividend <= q * divisor``.
    """
    return -(-dividend // divisor)


def clog2(count: int) -> int:
    """Bits that number ``count >= 1`` things, 0 for a single one.

    Law: the smallest ``n >= 0`` with ``2**n >= count``.
    """
    return (count - 1).bit_length()


def address_bits(words: int) -> int:
    """Width of an address of a memory of ``words >= 1`` words: at least 1, as the modules derive it."""
    return max(1, clog2(words))


def unsigned_bits(high: int) -> int:
    """Width of an unsigned number from 0 to ``high >= 0``, at least 1.

    Law: the smallest ``n >= 1`` with ``high <= 2**n - 1``.
    """
    return max(1, high.bit_length())


def signed_bits(low: int, high: int) -> int:
    """Width of a two's complement number that holds ``low`` and ``high``, at least 1.

    Law: the smallest ``n >= 1`` with ``-2**(n - 1) <= low`` and ``high <= 2**(n - 1) - 1``.
    """
    return 1 + max(bound.bit_length() if bound >= 0 else (~bound).bit_length() for bound in (low, high))


def range_bits(low: int, high: int) -> int:
    """Width of the unsigned code ``x - low`` of an ``x`` in ``[low, high]``, at least 1."""
    return unsigned_bits(high - low)

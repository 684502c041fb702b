// Plain integers: the smallest ones that hold W bits.
#pragma once

#include <cstdint>
#include <type_traits>

template <int W>
struct ternc_plain {
    static_assert(W >= 1 && W <= 128, "plain integers have at most 128 bits");
    __extension__ typedef __int128 Wide;
    __extension__ typedef unsigned __int128 UWide;
    template <class A, class B, class C, class D, class F>
    using Pick = std::conditional_t<(W <= 8), A, std::conditional_t<(W <= 16), B,
                 std::conditional_t<(W <= 32), C, std::conditional_t<(W <= 64), D, F>>>>;
    using Unsigned = Pick<std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t, UWide>;
    using Signed = Pick<std::int8_t, std::int16_t, std::int32_t, std::int64_t, Wide>;
};

// what a ROM's chunk is outside of synthesis
template <int W>
using ternc_rom_chunk = typename ternc_plain<W>::Unsigned;

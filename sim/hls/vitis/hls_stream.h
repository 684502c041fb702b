// A stand-in for the vendor's hls_stream.h in C simulation with a plain C++ compiler: a queue without a bound. It is no
// part of the hardware, and not used where the vendor's tool runs the simulation.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace hls {

template <class T>
class stream {
public:
    stream() = default;
    explicit stream(const char*) {}
    stream(const stream&) = delete;
    stream& operator=(const stream&) = delete;

    bool empty() const { return count_ == 0; }
    bool full() const { return false; }
    std::size_t size() const { return count_; }

    void write(const T& value) {
        if (count_ == ring_.size()) grow();
        ring_[(first_ + count_) & (ring_.size() - 1)] = value;
        ++count_;
    }
    bool write_nb(const T& value) {
        write(value);
        return true;
    }
    T read() {
        if (count_ == 0) {
            std::fputs("a process reads a stream that is empty\n", stderr);
            std::exit(3);
        }
        const T value = ring_[first_];
        first_ = (first_ + 1) & (ring_.size() - 1);
        --count_;
        return value;
    }
    bool read_nb(T& value) {
        if (count_ == 0) return false;
        value = read();
        return true;
    }

private:
    void grow() {
        std::vector<T> larger(ring_.empty() ? 16 : 2 * ring_.size());
        for (std::size_t i = 0; i < count_; ++i) larger[i] = ring_[(first_ + i) & (ring_.size() - 1)];
        ring_.swap(larger);
        first_ = 0;
    }

    std::vector<T> ring_;
    std::size_t first_ = 0, count_ = 0;
};

}  // namespace hls

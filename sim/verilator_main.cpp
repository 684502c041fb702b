// Runs a generated top module at native speed: frames from a .npy file go into its input stream, the beats
// of its output stream go into another. The same file serves every design; only the ports' widths differ,
// and the compiler finds those out by itself.
//
//   Vtop --input in.npy --output out.npy --output-beats N --output-bytes N --result result.json
//        [--stalls SEED [--stretch CYCLES]] [--watchdog CYCLES] [--monitor FIRST,COUNT,FILE]
//
// in.npy and out.npy are uint8 [frames, beats, bytes]. Cycle 0 is the first one after reset. A port's beat
// belongs to the cycle in which valid and ready are both high at the clock edge that ends it.
// Progress lines ("progress 12/256") go to stderr, messages of the RTL itself to stdout.
// Exit code: 0 all frames done, 1 stopped early (the result file says why), 2 wrong usage or files.

#include <verilated.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "Vtop.h"
#include "npy.h"

namespace {

// The run cannot go on: the message tells the user why, the result file keeps the frames done so far.
struct Stopped : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// ---------------------------------------------------------------------------------------------- options

struct Options {
    std::string input, output, result, monitor_file;
    std::size_t output_beats = 0, output_bytes = 0;
    bool stalls = false;
    std::uint64_t seed = 0;
    std::uint64_t stretch = 1024;
    std::uint64_t watchdog = 1'000'000;
    std::uint64_t monitor_first = 0, monitor_count = 0;
};

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string key = argv[i], value = argv[i + 1];
        if (key == "--input") options.input = value;
        else if (key == "--output") options.output = value;
        else if (key == "--result") options.result = value;
        else if (key == "--output-beats") options.output_beats = std::stoull(value);
        else if (key == "--output-bytes") options.output_bytes = std::stoull(value);
        else if (key == "--stretch") options.stretch = std::stoull(value);
        else if (key == "--watchdog") options.watchdog = std::stoull(value);
        else if (key == "--stalls") {
            options.stalls = true;
            options.seed = std::stoull(value);
        } else if (key == "--monitor") {
            const auto comma = value.find(','), second = value.find(',', comma + 1);
            if (second == std::string::npos) throw std::invalid_argument("--monitor FIRST,COUNT,FILE");
            options.monitor_first = std::stoull(value.substr(0, comma));
            options.monitor_count = std::stoull(value.substr(comma + 1, second - comma - 1));
            options.monitor_file = value.substr(second + 1);
        } else throw std::invalid_argument("unknown option " + key);
    }
    if (argc % 2 == 0 || options.input.empty() || options.output.empty() || options.result.empty()
        || options.output_beats == 0 || options.output_bytes == 0)
        throw std::invalid_argument("--input, --output, --result, --output-beats and --output-bytes are needed");
    return options;
}

// ---------------------------------------------------------------------------------------------- streams

// When one side of a stream holds back: stretches of 1 to `stretch` cycles, each blocked never, seldom, mostly
// or always. With stretches longer than a frame takes, every buffer runs full and empty.
class Stalls {
public:
    Stalls(const Options& options, std::uint64_t seed)
        : enabled_(options.stalls), stretch_(options.stretch), state_((seed + 1) * 0x9e3779b97f4a7c15ULL | 1) {}

    std::uint64_t random() {  // xorshift64
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        return state_ ^= state_ << 17;
    }

    bool blocked() {
        if (!enabled_) return false;
        if (left_ == 0) {
            static constexpr std::array<unsigned, 4> levels{0, 4, 12, 16};
            level_ = levels[random() >> 62];
            waits_for_valid = (random() >> 63) != 0;
            left_ = 1 + ((random() >> 32) % stretch_ >> (random() >> 61));
        }
        --left_;
        return (random() >> 60) < level_;
    }

    bool waits_for_valid = false;  // a sink may raise ready only after it saw valid

private:
    bool enabled_;
    std::uint64_t stretch_, state_;
    std::uint64_t left_ = 0;
    unsigned level_ = 0;
};

// A port of any width is little-endian in memory, with the unused upper bits 0.
template <typename Port>
void put(Port& port, const std::uint8_t* data, std::size_t bytes) {
    std::memset(&port, 0, sizeof(Port));
    std::memcpy(&port, data, bytes);
}

template <typename Port>
void check_width(const Port&, std::size_t bytes, const char* name) {
    if (bytes > sizeof(Port) || bytes + 4 <= sizeof(Port))
        throw std::invalid_argument(std::string("frames do not fit the width of ") + name);
}

struct FrameTimes {
    std::uint64_t first_in = 0, last_in = 0, first_out = 0, last_out = 0;
};

class Source {
public:
    Source(Vtop& top, NpyReader& reader, const Options& options, std::vector<FrameTimes>& times)
        : top_(top), reader_(reader), stalls_(options, options.seed), times_(times), junk_(reader.bytes) {
        check_width(top.s_axis_tdata, reader.bytes, "s_axis_tdata");
        frame_ = reader_.frame();
    }

    void drive() {
        if (top_.s_axis_tvalid) return;  // on offer until it is taken
        blocked = stalls_.blocked();
        top_.s_axis_tvalid = !done() && !blocked;
        if (top_.s_axis_tvalid) {
            put(top_.s_axis_tdata, frame_.data() + beat * reader_.bytes, reader_.bytes);
            top_.s_axis_tlast = beat + 1 == reader_.beats;
        } else {  // whatever is on the wires without valid must not matter
            for (auto& byte : junk_) byte = static_cast<std::uint8_t>(stalls_.random() >> 56);
            put(top_.s_axis_tdata, junk_.data(), reader_.bytes);
            top_.s_axis_tlast = (stalls_.random() >> 63) != 0;
        }
    }

    bool observe(std::uint64_t cycle) {
        taken_ = top_.s_axis_tvalid && top_.s_axis_tready;
        if (!taken_) return false;
        if (beat == 0) times_[frame].first_in = cycle;
        if (++beat == reader_.beats) {
            times_[frame].last_in = cycle;
            beat = 0;
            if (++frame < reader_.frames) frame_ = reader_.frame();
        }
        return true;
    }

    void clocked() {  // after the edge: what was taken is no longer on offer
        if (taken_) top_.s_axis_tvalid = 0;
    }

    bool done() const { return frame == reader_.frames; }

    std::size_t frame = 0, beat = 0;
    bool blocked = false;

private:
    Vtop& top_;
    NpyReader& reader_;
    Stalls stalls_;
    std::vector<FrameTimes>& times_;
    Bytes frame_, junk_;
    bool taken_ = false;
};

class Sink {
public:
    Sink(Vtop& top, NpyWriter& writer, const Options& options, std::vector<FrameTimes>& times)
        : top_(top), writer_(writer), stalls_(options, ~options.seed), times_(times),
          bytes_(options.output_bytes), beats_(options.output_beats), frame_(beats_ * bytes_), held_(bytes_) {
        check_width(top.m_axis_tdata, bytes_, "m_axis_tdata");
    }

    void drive() {
        blocked = stalls_.blocked();
        top_.m_axis_tready = !blocked && (!stalls_.waits_for_valid || waiting_);
    }

    bool observe(std::uint64_t cycle) {
        const auto* data = reinterpret_cast<const std::uint8_t*>(&top_.m_axis_tdata);
        const bool last = top_.m_axis_tlast;
        if (waiting_) {
            if (!top_.m_axis_tvalid) violation("m_axis_tvalid fell before m_axis_tready took the beat", cycle);
            if (std::memcmp(data, held_.data(), bytes_) != 0)
                violation("m_axis_tdata changed before m_axis_tready took the beat", cycle);
            if (last != held_last_) violation("m_axis_tlast changed before m_axis_tready took the beat", cycle);
        }
        if (!top_.m_axis_tvalid) return false;
        if (frame == times_.size()) violation("a beat is on offer after the last frame", cycle);
        waiting_ = !top_.m_axis_tready;
        if (waiting_) {
            std::memcpy(held_.data(), data, bytes_);
            held_last_ = last;
            return false;
        }
        take(data, last, cycle);
        return true;
    }

    std::size_t frame = 0, beat = 0;
    bool blocked = false;

private:
    void take(const std::uint8_t* data, bool last, std::uint64_t cycle) {
        if (last != (beat + 1 == beats_))
            violation(last ? "m_axis_tlast is high before the frame's last beat"
                           : "m_axis_tlast is low on the frame's last beat", cycle);
        std::memcpy(frame_.data() + beat * bytes_, data, bytes_);
        if (beat == 0) times_[frame].first_out = cycle;
        if (++beat == beats_) {
            times_[frame].last_out = cycle;
            writer_.frame(frame_);
            beat = 0;
            ++frame;
        }
    }

    [[noreturn]] void violation(const char* what, std::uint64_t cycle) const {
        throw Stopped("protocol violation in cycle " + std::to_string(cycle) + ", frame " + std::to_string(frame)
                      + ", output beat " + std::to_string(beat) + ": " + what);
    }

    Vtop& top_;
    NpyWriter& writer_;
    Stalls stalls_;
    std::vector<FrameTimes>& times_;
    std::size_t bytes_, beats_;
    Bytes frame_, held_;
    bool waiting_ = false, held_last_ = false;
};

// ---------------------------------------------------------------------------------------------- monitor

#ifdef TERNC_MONITOR
// File: uint64 size of a value in bytes, then records of uint64 cycle and the value's bytes.
class Monitor {
public:
    Monitor(Vtop& top, const Options& options)
        : top_(top), next_(options.monitor_first), end_(options.monitor_first + options.monitor_count) {
        if (options.monitor_file.empty()) return;
        file_.open(options.monitor_file, std::ios::binary);
        const std::uint64_t size = sizeof(top_.mon_value_o);
        file_.write(reinterpret_cast<const char*>(&size), sizeof size);
    }

    void observe(std::uint64_t cycle) {
        if (!top_.mon_valid_o) return;
        if (event_ >= next_ && event_ < end_ && file_.is_open()) {
            file_.write(reinterpret_cast<const char*>(&cycle), sizeof cycle);
            file_.write(reinterpret_cast<const char*>(&top_.mon_value_o), sizeof(top_.mon_value_o));
        }
        ++event_;
    }

private:
    Vtop& top_;
    std::uint64_t next_, end_, event_ = 0;
    std::ofstream file_;
};
#else
class Monitor {
public:
    Monitor(Vtop&, const Options& options) {
        if (!options.monitor_file.empty()) throw std::invalid_argument("--monitor needs +define+TERNC_MONITOR");
    }
    void observe(std::uint64_t) {}
};
#endif

// ------------------------------------------------------------------------------------------------- run

class Progress {
public:
    explicit Progress(std::size_t total) : total_(total) {}

    void at(std::size_t done) {
        const auto now = std::chrono::steady_clock::now();
        if (done == done_ || (done < total_ && now - shown_ < std::chrono::milliseconds(100))) return;
        done_ = done;
        shown_ = now;
        std::fprintf(stderr, "progress %zu/%zu\n", done, total_);
    }

private:
    std::size_t total_, done_ = 0;
    std::chrono::steady_clock::time_point shown_;
};

void reset(Vtop& top) {
    top.s_axis_tvalid = 0;
    top.m_axis_tready = 0;
    top.rst_ni = 0;
    for (int edge = 0; edge < 32; ++edge) {
        top.clk_i = edge & 1;
        top.eval();
    }
    if (top.m_axis_tvalid) throw Stopped("protocol violation: m_axis_tvalid is high in reset");
    top.rst_ni = 1;
}

void run(VerilatedContext& context, Vtop& top, const Options& options, Source& source, Sink& sink,
         std::size_t frames, std::uint64_t& cycle) {
    static constexpr std::uint64_t quiet_cycles = 64;  // looked at after the last beat: nothing may follow
    Monitor monitor(top, options);
    Progress progress(frames);
    reset(top);
    std::uint64_t idle = 0, quiet = 0;
    while (sink.frame < frames || quiet < quiet_cycles) {
        context.time(cycle);
        source.drive();
        sink.drive();
        top.clk_i = 0;
        top.eval();
        const bool moved_in = source.observe(cycle), moved_out = sink.observe(cycle);
        monitor.observe(cycle);
        top.clk_i = 1;
        top.eval();
        source.clocked();
        if (sink.frame == frames) ++quiet;
        if (moved_in || moved_out) {
            idle = 0;
            progress.at(sink.frame);
        } else if (sink.frame < frames && !(source.blocked && !source.done()) && !sink.blocked
                   && ++idle >= options.watchdog) {
            throw Stopped("nothing moved for " + std::to_string(idle) + " cycles, in frame "
                          + std::to_string(sink.frame) + ": " + std::to_string(source.beat) + " beats of input frame "
                          + std::to_string(source.frame) + " went in, " + std::to_string(sink.beat)
                          + " beats of output frame " + std::to_string(sink.frame) + " came out");
        }
        ++cycle;
    }
    cycle -= quiet - 1;
}

// {"stopped": why or "", "cycles": n, "first_in": one cycle for each frame that went in,
//  "frames": [first in, last in, first out, last out] for each frame that came out}
void write_result(const Options& options, const std::string& stopped, std::uint64_t cycles, std::size_t started,
                  std::size_t done, const std::vector<FrameTimes>& times) {
    std::ofstream file(options.result);
    std::string message;
    for (const char c : stopped) message += c == '"' || c == '\\' ? '\'' : c < ' ' ? ' ' : c;
    file << "{\"stopped\": \"" << message << "\", \"cycles\": " << cycles << ", \"first_in\": [";
    for (std::size_t i = 0; i < started; ++i) file << (i ? ", " : "") << times[i].first_in;
    file << "],\n\"frames\": [";
    for (std::size_t i = 0; i < done; ++i)
        file << (i ? "," : "") << "\n[" << times[i].first_in << ", " << times[i].last_in << ", "
             << times[i].first_out << ", " << times[i].last_out << "]";
    file << "]}\n";
}

int simulate(const Options& options) {
    NpyReader reader(options.input);
    NpyWriter writer(options.output, options.output_beats, options.output_bytes);
    std::vector<FrameTimes> times(reader.frames);
    std::string stopped;
    std::uint64_t cycle = 0;
    std::size_t started = 0, done = 0;
    if (reader.frames > 0) {
        VerilatedContext context;
        context.randReset(2);  // registers without reset start with random values
        context.randSeed(static_cast<int>(options.seed % 1'000'000'007) + 1);
        Vtop top(&context, "");
        Source source(top, reader, options, times);
        Sink sink(top, writer, options, times);
        try {
            run(context, top, options, source, sink, reader.frames, cycle);
        } catch (const Stopped& error) {
            stopped = error.what();
        }
        started = source.frame + (source.beat > 0);
        done = sink.frame;
    }
    writer.close();
    write_result(options, stopped, cycle, started, done, times);
    return stopped.empty() ? 0 : 1;
}

}  // namespace

// Compiled with VL_USER_STOP, VL_USER_FINISH and VL_USER_FATAL: $stop, $error, $finish and $fatal end the run.
void vl_finish(const char* file, int line, const char*) VL_MT_UNSAFE {
    throw Stopped(std::string("$finish at ") + file + ":" + std::to_string(line));
}
void vl_stop(const char* file, int line, const char*) VL_MT_UNSAFE {
    throw Stopped(std::string("a check failed at ") + file + ":" + std::to_string(line));
}
void vl_fatal(const char* file, int line, const char*, const char* message) VL_MT_UNSAFE {
    throw Stopped(std::string(message) + " (" + file + ":" + std::to_string(line) + ")");
}

int main(int argc, char** argv) {
    try {
        return simulate(parse(argc, argv));
    } catch (const std::exception& error) {
        std::cerr << "error " << error.what() << "\n";
        return 2;
    }
}

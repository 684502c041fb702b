// Runs a generated top module at native speed: frames from .npy files go into its input streams, the beats of its
// output streams go into others. The same file serves every design: "ports.h" names the streams and numbers the
// engines, and the compiler finds out the ports' widths by itself.
//
//   Vtop --input FILE ... --output BEATS,BYTES,FILE ... --result FILE
//        [--stalls SEED [--stretch CYCLES]] [--watchdog CYCLES] [--monitor ENGINE,FIRST,COUNT,FILE ...]
//        [--trace PERIOD_PS,FILE]
//
// One --input and --output for each stream, in the order of "ports.h". The .npy files are uint8
// [frames, beats, bytes]; every input has as many frames. Cycle 0 is the first one after reset. A port's beat belongs
// to the cycle in which valid and ready are both high at the clock edge that ends it.
// --trace, in a program that Verilator built with --trace-saif or --trace-vcd, records every net from cycle 0 to the
// last beat that comes out, with a clock of PERIOD_PS picoseconds: nets change at its rising edge, inputs too, and an
// input that has nothing to offer keeps still.
// Progress lines ("progress 12/256") go to stderr, messages of the RTL itself to stdout.
// Exit code: 0 all frames done, 1 stopped early (the result file says why), 2 wrong usage or files.

#include <verilated.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "Vtop.h"
#include "npy.h"
#include "ports.h"

#if VM_TRACE_SAIF
#include <verilated_saif_c.h>
#elif VM_TRACE_VCD
#include <verilated_vcd_c.h>
#endif

namespace {

// The run cannot go on: the message tells the user why, the result file keeps the frames done so far.
struct Stopped : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// A reloadable design has a stream for images, on which nothing comes here.
template <typename Top>
auto no_image(Top& top, int) -> decltype(void(top.s_axis_load_tvalid)) {
    top.s_axis_load_tvalid = top.s_axis_load_tlast = top.load_abort_i = 0;
    top.s_axis_load_tdata = 0;
}
template <typename Top>
void no_image(Top&, long) {}

// ---------------------------------------------------------------------------------------------- options

struct OutputFile {
    std::size_t beats, bytes;
    std::string path;
};

// Vectors to record that an engine finishes: `count` from number `first` on.
struct Window {
    std::size_t engine;
    std::uint64_t first, count;
    std::string path;
};

struct Options {
    std::vector<std::string> inputs;
    std::vector<OutputFile> outputs;
    std::vector<Window> windows;
    std::string result;
    std::string trace;  // its file, empty for none
    std::uint64_t period_ps = 0;
    bool stalls = false;
    std::uint64_t seed = 0;
    std::uint64_t stretch = 1024;
    std::uint64_t watchdog = 1'000'000;
};

// "NUMBER,...,FILE": some numbers and a file, whose name may have commas.
template <std::size_t Count>
std::pair<std::array<std::uint64_t, Count>, std::string> numbers_and_file(const std::string& key,
                                                                          const std::string& value) {
    std::array<std::uint64_t, Count> numbers{};
    std::size_t at = 0;
    for (auto& number : numbers) {
        const auto comma = value.find(',', at);
        if (comma == std::string::npos)
            throw std::invalid_argument(key + " takes " + std::to_string(Count) + " numbers and a file");
        number = std::stoull(value.substr(at, comma - at));
        at = comma + 1;
    }
    return {numbers, value.substr(at)};
}

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string key = argv[i], value = argv[i + 1];
        if (key == "--input") options.inputs.push_back(value);
        else if (key == "--output") {
            const auto [numbers, file] = numbers_and_file<2>(key, value);
            options.outputs.push_back({numbers[0], numbers[1], file});
        } else if (key == "--result") options.result = value;
        else if (key == "--stretch") options.stretch = std::stoull(value);
        else if (key == "--watchdog") options.watchdog = std::stoull(value);
        else if (key == "--stalls") {
            options.stalls = true;
            options.seed = std::stoull(value);
        } else if (key == "--monitor") {
            const auto [numbers, file] = numbers_and_file<3>(key, value);
            options.windows.push_back({numbers[0], numbers[1], numbers[2], file});
        } else if (key == "--trace") {
            const auto [numbers, file] = numbers_and_file<1>(key, value);
            options.period_ps = numbers[0];
            options.trace = file;
        } else throw std::invalid_argument("unknown option " + key);
    }
    if (argc % 2 == 0 || options.inputs.empty() || options.outputs.empty() || options.result.empty())
        throw std::invalid_argument("--input, --output and --result are needed");
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

// The signals of a stream. A port of any width is little-endian in memory, with the unused upper bits 0.
struct Wires {
    std::string name;
    std::uint8_t* data;
    std::size_t size;
    CData *valid, *ready, *last;
};

#define TERNC_WIRES(prefix, text) \
    Wires{text, reinterpret_cast<std::uint8_t*>(&top.prefix##tdata), sizeof(top.prefix##tdata), \
          &top.prefix##tvalid, &top.prefix##tready, &top.prefix##tlast},

std::vector<Wires> input_wires(Vtop& top) { return {TERNC_INPUTS(TERNC_WIRES)}; }
std::vector<Wires> output_wires(Vtop& top) { return {TERNC_OUTPUTS(TERNC_WIRES)}; }

void check_width(const Wires& wires, std::size_t bytes) {
    if (bytes > wires.size || bytes + 4 <= wires.size)
        throw std::invalid_argument("frames do not fit the width of " + wires.name + "_tdata");
}

// A seed of its own for each stream.
std::uint64_t seed_of(const Options& options, std::size_t index, bool output) {
    const std::uint64_t mixed = options.seed + index * 0xd1342543de82ef95ULL;
    return output ? ~mixed : mixed;
}

class Source {
public:
    Source(Wires wires, const std::string& file, const Options& options, std::uint64_t seed)
        : wires_(std::move(wires)), reader_(file), stalls_(options, seed), junk_(reader_.bytes),
          quiet_(!options.trace.empty()) {
        check_width(wires_, reader_.bytes);
        if (reader_.frames > 0) frame_ = reader_.frame();
    }

    void reset() { *wires_.valid = 0; }

    void drive() {
        if (*wires_.valid) return;  // on offer until it is taken
        blocked_ = stalls_.blocked();
        *wires_.valid = !done() && !blocked_;
        if (*wires_.valid) {
            put(frame_.data() + beat_ * reader_.bytes);
            *wires_.last = beat_ + 1 == reader_.beats;
        } else if (!quiet_) {  // whatever is on the wires without valid must not matter
            for (auto& byte : junk_) byte = static_cast<std::uint8_t>(stalls_.random() >> 56);
            put(junk_.data());
            *wires_.last = (stalls_.random() >> 63) != 0;
        }
    }

    bool observe(std::uint64_t cycle) {
        taken_ = *wires_.valid && *wires_.ready;
        if (!taken_) return false;
        if (beat_ == 0) first_cycles.push_back(cycle);
        if (++beat_ == reader_.beats) {
            beat_ = 0;
            if (++frame_index_ < reader_.frames) frame_ = reader_.frame();
        }
        return true;
    }

    void clocked() {  // after the edge: what was taken is no longer on offer
        if (taken_) *wires_.valid = 0;
    }

    std::size_t frames() const { return reader_.frames; }
    bool done() const { return frame_index_ == reader_.frames; }
    bool holds_back() const { return blocked_ && !done(); }
    std::string progress() const {
        return std::to_string(beat_) + " beats of frame " + std::to_string(frame_index_) + " went into " + wires_.name;
    }

    std::vector<std::uint64_t> first_cycles;

private:
    void put(const std::uint8_t* data) {
        std::memset(wires_.data, 0, wires_.size);
        std::memcpy(wires_.data, data, reader_.bytes);
    }

    Wires wires_;
    NpyReader reader_;
    Stalls stalls_;
    Bytes frame_, junk_;
    std::size_t frame_index_ = 0, beat_ = 0;
    bool blocked_ = false, taken_ = false, quiet_;
};

class Sink {
public:
    Sink(Wires wires, const OutputFile& file, std::size_t frames, const Options& options, std::uint64_t seed)
        : wires_(std::move(wires)), writer_(file.path, file.beats, file.bytes), stalls_(options, seed), frames_(frames),
          bytes_(file.bytes), beats_(file.beats), frame_(beats_ * bytes_), held_(bytes_) {
        check_width(wires_, bytes_);
    }

    void reset() { *wires_.ready = 0; }

    void check_reset() const {
        if (*wires_.valid) throw Stopped("protocol violation: " + wires_.name + "_tvalid is high in reset");
    }

    void drive() {
        blocked_ = stalls_.blocked();
        *wires_.ready = !blocked_ && (!stalls_.waits_for_valid || waiting_);
    }

    bool observe(std::uint64_t cycle) {
        const bool last = *wires_.last;
        if (waiting_) {
            if (!*wires_.valid) violation("_tvalid fell", " before " + wires_.name + "_tready took the beat", cycle);
            if (std::memcmp(wires_.data, held_.data(), bytes_) != 0)
                violation("_tdata changed", " before " + wires_.name + "_tready took the beat", cycle);
            if (last != held_last_)
                violation("_tlast changed", " before " + wires_.name + "_tready took the beat", cycle);
        }
        if (!*wires_.valid) return false;
        if (done()) violation(":", " a beat is on offer after the last frame", cycle);
        waiting_ = !*wires_.ready;
        if (waiting_) {
            std::memcpy(held_.data(), wires_.data, bytes_);
            held_last_ = last;
            return false;
        }
        take(last, cycle);
        return true;
    }

    void close() { writer_.close(); }

    std::size_t frame() const { return last_cycles.size(); }
    bool done() const { return frame() == frames_; }
    bool holds_back() const { return blocked_ && !done(); }
    std::string progress() const {
        return std::to_string(beat_) + " beats of frame " + std::to_string(frame()) + " came out of " + wires_.name;
    }

    std::vector<std::uint64_t> last_cycles;

private:
    void take(bool last, std::uint64_t cycle) {
        if (last != (beat_ + 1 == beats_))
            violation("_tlast", last ? " is high before the frame's last beat" : " is low on the frame's last beat", cycle);
        std::memcpy(frame_.data() + beat_ * bytes_, wires_.data, bytes_);
        if (++beat_ == beats_) {
            last_cycles.push_back(cycle);
            writer_.frame(frame_);
            beat_ = 0;
        }
    }

    [[noreturn]] void violation(const char* signal, const std::string& what, std::uint64_t cycle) const {
        throw Stopped("protocol violation in cycle " + std::to_string(cycle) + ", frame " + std::to_string(frame())
                      + ", output beat " + std::to_string(beat_) + ": " + wires_.name + signal + what);
    }

    Wires wires_;
    NpyWriter writer_;
    Stalls stalls_;
    std::size_t frames_, bytes_, beats_, beat_ = 0;
    Bytes frame_, held_;
    bool blocked_ = false, waiting_ = false, held_last_ = false;
};

// ---------------------------------------------------------------------------------------------- monitor

#ifdef TERNC_MONITOR
// What an engine shows: a vector of finished values of any width, little-endian in memory.
struct MonitorWires {
    CData* valid;
    std::uint8_t* value;
    std::size_t size;
};

#define TERNC_MONITOR_WIRES(n) \
    MonitorWires{&top.mon_##n##_valid_o, reinterpret_cast<std::uint8_t*>(&top.mon_##n##_value_o), \
                 sizeof(top.mon_##n##_value_o)},

std::vector<MonitorWires> monitor_wires(Vtop& top) { return {TERNC_ENGINES(TERNC_MONITOR_WIRES)}; }

// Writes one window to its file: uint64 size of a value in bytes, then records of uint64 cycle and the value's bytes.
class Recorder {
public:
    Recorder(const MonitorWires& wires, const Window& window)
        : wires_(wires), next_(window.first), end_(window.first + window.count), file_(window.path, std::ios::binary) {
        const std::uint64_t size = wires_.size;
        file_.write(reinterpret_cast<const char*>(&size), sizeof size);
    }

    void observe(std::uint64_t cycle) {
        if (!*wires_.valid) return;
        if (event_ >= next_ && event_ < end_) {
            file_.write(reinterpret_cast<const char*>(&cycle), sizeof cycle);
            file_.write(reinterpret_cast<const char*>(wires_.value), static_cast<std::streamsize>(wires_.size));
        }
        ++event_;
    }

private:
    MonitorWires wires_;
    std::uint64_t next_, end_, event_ = 0;
    std::ofstream file_;
};

class Monitor {
public:
    Monitor(Vtop& top, const Options& options) {
        const auto engines = monitor_wires(top);
        for (const auto& window : options.windows) {
            if (window.engine >= engines.size()) throw std::invalid_argument("--monitor names an engine that is not there");
            recorders_.emplace_back(engines[window.engine], window);
        }
    }

    void observe(std::uint64_t cycle) {
        for (auto& recorder : recorders_) recorder.observe(cycle);
    }

private:
    std::vector<Recorder> recorders_;
};
#else
class Monitor {
public:
    Monitor(Vtop&, const Options& options) {
        if (!options.windows.empty()) throw std::invalid_argument("--monitor needs +define+TERNC_MONITOR");
    }
    void observe(std::uint64_t) {}
};
#endif

// ------------------------------------------------------------------------------------------------ trace

#if VM_TRACE_SAIF || VM_TRACE_VCD
#if VM_TRACE_SAIF
using TraceFile = VerilatedSaifC;
#else
using TraceFile = VerilatedVcdC;
#endif

class Recording {
public:
    Recording(VerilatedContext& context, Vtop& top, const Options& options)
        : top_(top), period_ps_(options.period_ps), on_(!options.trace.empty()) {
        if (!on_) return;
        if (period_ps_ < 2) throw std::invalid_argument("--trace needs a period of at least 2 ps");
        context.timeunit(-12);
        context.timeprecision(-12);
        top_.trace(&file_, 99);
        file_.set_time_unit("1ps");
        file_.set_time_resolution("1ps");
        file_.open(options.trace.c_str());
        if (!file_.isOpen()) throw std::invalid_argument("the trace file cannot be written");
    }

    // Half of a cycle begins: the first with the clock high, the second with it low.
    void half(std::uint64_t cycle, bool first) {
        if (!on_) return;
        if (first) top_.eval();  // what the inputs, just driven, reach without a clock edge
        file_.dump(cycle * period_ps_ + (first ? 0 : period_ps_ / 2));
    }

    // The last cycle is over; the clock edge that ends it is not in the file, so N cycles have at most N changes.
    void close(std::uint64_t cycles) {
        if (!on_) return;
        file_.dump(cycles * period_ps_);
        file_.close();
        on_ = false;
    }

private:
    Vtop& top_;
    TraceFile file_;
    std::uint64_t period_ps_;
    bool on_;
};
#else
class Recording {
public:
    Recording(VerilatedContext&, Vtop&, const Options& options) {
        if (!options.trace.empty()) throw std::invalid_argument("--trace needs a program that Verilator built with --trace-saif or --trace-vcd");
    }
    void half(std::uint64_t, bool) {}
    void close(std::uint64_t) {}
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

// All streams of a run.
struct Bench {
    std::vector<std::unique_ptr<Source>> sources;
    std::vector<std::unique_ptr<Sink>> sinks;

    Bench(Vtop& top, const Options& options) {
        const auto inputs = input_wires(top), outputs = output_wires(top);
        if (inputs.size() != options.inputs.size() || outputs.size() != options.outputs.size())
            throw std::invalid_argument("one --input and --output for each stream is needed");
        for (std::size_t i = 0; i < inputs.size(); ++i)
            sources.push_back(std::make_unique<Source>(inputs[i], options.inputs[i], options, seed_of(options, i, false)));
        for (const auto& source : sources)
            if (source->frames() != frames()) throw std::invalid_argument("every --input must have as many frames");
        for (std::size_t i = 0; i < outputs.size(); ++i)
            sinks.push_back(
                std::make_unique<Sink>(outputs[i], options.outputs[i], frames(), options, seed_of(options, i, true)));
    }

    std::size_t frames() const { return sources.front()->frames(); }

    std::size_t frames_done() const {
        std::size_t least = frames();
        for (const auto& sink : sinks) least = std::min(least, sink->frame());
        return least;
    }

    bool held_back() const {
        for (const auto& source : sources)
            if (source->holds_back()) return true;
        for (const auto& sink : sinks)
            if (sink->holds_back()) return true;
        return false;
    }

    void drive() {
        for (auto& source : sources) source->drive();
        for (auto& sink : sinks) sink->drive();
    }

    bool observe(std::uint64_t cycle) {
        bool moved = false;
        for (auto& source : sources) moved |= source->observe(cycle);
        for (auto& sink : sinks) moved |= sink->observe(cycle);
        return moved;
    }

    void clocked() {
        for (auto& source : sources) source->clocked();
    }

    std::string progress() const {
        std::string text;
        for (const auto& source : sources) text += (text.empty() ? "" : ", ") + source->progress();
        for (const auto& sink : sinks) text += ", " + sink->progress();
        return text;
    }
};

void reset(Vtop& top, Bench& bench) {
    for (auto& source : bench.sources) source->reset();
    for (auto& sink : bench.sinks) sink->reset();
    no_image(top, 0);
    top.rst_ni = 0;
    for (int edge = 0; edge < 32; ++edge) {
        top.clk_i = edge & 1;
        top.eval();
    }
    for (const auto& sink : bench.sinks) sink->check_reset();
    top.rst_ni = 1;
}

void run(VerilatedContext& context, Vtop& top, const Options& options, Bench& bench, std::uint64_t& cycle) {
    static constexpr std::uint64_t quiet_cycles = 64;  // looked at after the last beat: nothing may follow
    const std::size_t frames = bench.frames();
    Monitor monitor(top, options);
    Progress progress(frames);
    Recording recording(context, top, options);
    reset(top, bench);
    std::uint64_t idle = 0, quiet = 0;
    std::size_t done = 0;
    while (done < frames || quiet < quiet_cycles) {
        context.time(cycle);
        bench.drive();
        recording.half(cycle, true);
        top.clk_i = 0;
        top.eval();
        recording.half(cycle, false);
        const bool moved = bench.observe(cycle);
        monitor.observe(cycle);
        if (moved && bench.frames_done() == frames) recording.close(cycle + 1);
        top.clk_i = 1;
        top.eval();
        bench.clocked();
        if (moved) {
            idle = 0;
            done = bench.frames_done();
            progress.at(done);
        } else if (done < frames && !bench.held_back() && ++idle >= options.watchdog) {
            throw Stopped("nothing moved for " + std::to_string(idle) + " cycles, in frame " + std::to_string(done)
                          + ": " + bench.progress());
        }
        if (done == frames) ++quiet;
        ++cycle;
    }
    cycle -= quiet - 1;
}

// {"stopped": why or "", "cycles": n,
//  "first_in": for each input a list: one cycle for each frame that went in,
//  "last_out": for each output a list: one cycle for each frame that came out}
void write_result(const Options& options, const std::string& stopped, std::uint64_t cycles, const Bench& bench) {
    std::ofstream file(options.result);
    const auto list = [&file](const std::vector<std::uint64_t>& values, const char* separator) {
        file << separator << "[";
        for (std::size_t i = 0; i < values.size(); ++i) file << (i ? ", " : "") << values[i];
        file << "]";
    };
    std::string message;
    for (const char c : stopped) message += c == '"' || c == '\\' ? '\'' : c < ' ' ? ' ' : c;
    file << "{\"stopped\": \"" << message << "\", \"cycles\": " << cycles << ",\n\"first_in\": [";
    for (std::size_t i = 0; i < bench.sources.size(); ++i) list(bench.sources[i]->first_cycles, i ? ",\n" : "");
    file << "],\n\"last_out\": [";
    for (std::size_t i = 0; i < bench.sinks.size(); ++i) list(bench.sinks[i]->last_cycles, i ? ",\n" : "");
    file << "]}\n";
}

int simulate(const Options& options) {
    VerilatedContext context;
    context.randReset(2);  // registers without reset start with random values
    context.randSeed(static_cast<int>(options.seed % 1'000'000'007) + 1);
    context.traceEverOn(!options.trace.empty());
    Vtop top(&context, "");
    Bench bench(top, options);
    std::string stopped;
    std::uint64_t cycle = 0;
    try {
        if (bench.frames() > 0) run(context, top, options, bench, cycle);
    } catch (const Stopped& error) {
        stopped = error.what();
    }
    for (auto& sink : bench.sinks) sink->close();
    write_result(options, stopped, cycle, bench);
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

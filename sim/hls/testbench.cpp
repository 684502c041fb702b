// C simulation of a generated design: frames of stream beats in, frames out, in any of the wrappers.
//
//   testbench --input X.npy [--input ...] --output Y.npy [--output ...] [--expect Z.npy ...]
//             [--monitor PREFIX] [--layers FILE] [--patience N]
//
// One --input and --output for each port, in the order of the design's ports; beats are uint8 [frames, beats, bytes].
// --expect compares instead of writing. --monitor (compiled with TERNC_MONITOR) writes every vector that engine n
// finishes as int64 to PREFIXn.bin; --layers FILE (the same) compares what every layer makes of the first frames. The
// last line on standard output has the frames and the processor time that they took. --patience N ends a simulation
// that takes longer than N seconds.
// Exit code 0: done; 1: an output differs from what was expected; 2: wrong usage or a file that does not fit; 3: stuck.
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "npy.h"
#include "ports.h"
#include "top.h"

namespace {

#ifdef TERNC_MONITOR
std::string monitor_prefix;
std::vector<std::FILE*> monitor_files;

// What the layers of the first frames make, from a file of ternc: a digest for each layer and frame. A run is so many vectors of
// one layer, of which the first `channels` values count.
class Layers {
public:
    void read(const std::string& path) {
        std::ifstream file(path);
        std::string word;
        while (file >> word) {
            if (word == "frames") file >> frames_;
            else if (word == "engine") {
                file >> word;
                engines_.emplace_back();
            } else if (word == "layer") {
                engines_.back().layers.emplace_back();
                std::getline(file >> std::ws, engines_.back().layers.back().name);
            } else if (word == "digests") {
                engines_.back().layers.back().expected.resize(frames_);
                for (auto& digest : engines_.back().layers.back().expected) file >> digest;
            } else if (word == "run") {
                Run run{};
                file >> run.layer >> run.channels >> run.count;
                engines_.back().runs.push_back(run);
            } else
                throw std::invalid_argument(path + ": unknown line '" + word + "'");
        }
        if (!file.eof() || engines_.empty()) throw std::invalid_argument(path + " does not describe the layers");
    }

    // the next vector that an engine finished
    void finished(std::size_t number, const long long* values) {
        if (number >= engines_.size()) return;
        Engine& engine = engines_[number];
        if (engine.frame >= frames_) return;
        const Run& run = engine.runs[engine.run];
        Layer& layer = engine.layers[run.layer];
        for (std::size_t c = 0; c < run.channels; ++c) {
            layer.digest = layer.digest * 0x100000001B3ull + static_cast<unsigned long long>(values[c]);
        }
        if (++engine.vector < run.count) return;
        engine.vector = 0;
        if (++engine.run < engine.runs.size()) return;
        engine.run = 0;
        for (Layer& one : engine.layers) {
            if (one.digest != one.expected[engine.frame] && wrong_++ == 0) {
                std::fprintf(stderr, "frame %zu: layer '%s' differs from the golden model\n", engine.frame,
                             one.name.c_str());
            }
            one.digest = 0;
        }
        ++engine.frame;
    }

    // after all frames; whether every layer is right
    bool right(std::size_t frames) {
        const std::size_t wanted = frames < frames_ ? frames : frames_;
        std::size_t count = 0;
        for (const Engine& engine : engines_) {
            count += engine.layers.size();
            if (engine.frame != wanted && wrong_++ == 0) std::fputs("an engine did not finish its layers\n", stderr);
        }
        if (!engines_.empty() && wrong_ == 0) {
            std::printf("%zu frames: every value of %zu layers as expected\n", wanted, count);
        }
        return wrong_ == 0;
    }

private:
    struct Layer {
        std::string name;
        std::vector<unsigned long long> expected;
        unsigned long long digest = 0;
    };
    struct Run {
        std::size_t layer, channels, count;
    };
    struct Engine {
        std::vector<Layer> layers;
        std::vector<Run> runs;
        std::size_t frame = 0, run = 0, vector = 0;
    };

    std::vector<Engine> engines_;
    std::size_t frames_ = 0;
    int wrong_ = 0;
};

Layers layers;
#endif

template <int W, class Stream>
void put(Stream& stream, const Bytes& frame) {
    constexpr std::size_t Size = (W + 7) / 8;
    for (std::size_t at = 0; at < frame.size(); at += Size) {
        ternc_bits<W> beat = 0;
        for (int i = 0; i < W / 8; ++i) {
            ternc_put_bits<8>(beat, 8 * i, ternc_uint<8>(frame[at + static_cast<std::size_t>(i)]));
        }
        ternc_send(stream, beat, at + Size == frame.size());
    }
}

template <int W, class Stream>
Bytes get(Stream& stream, std::size_t beats, const char* name) {
    constexpr std::size_t Size = (W + 7) / 8;
    Bytes frame(beats * Size);
    for (std::size_t n = 0; n < beats; ++n) {
        ternc_bits<W> beat = 0;
        bool last = false;
        if (!ternc_try_receive(stream, beat, last)) throw std::runtime_error(std::string(name) + ": a beat did not come");
        if (last != (n + 1 == beats)) throw std::runtime_error(std::string(name) + ": TLAST is not on the last beat");
        for (int i = 0; i < W / 8; ++i) {
            const int byte = ternc_int(ternc_get_bits<8>(beat, 8 * i));
            frame[n * Size + static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(byte);
        }
    }
    return frame;
}

template <int W, class Stream>
void nothing_left(Stream& stream, const char* name) {
    ternc_bits<W> beat = 0;
    bool last = false;
    if (ternc_try_receive(stream, beat, last)) throw std::runtime_error(std::string(name) + ": a beat too many came");
}

struct Options {
    std::vector<std::string> inputs, outputs, expected;
};

Options read_options(int argc, char** argv) {
    Options options;
    for (int n = 1; n + 1 < argc; n += 2) {
        const std::string name = argv[n], value = argv[n + 1];
        if (name == "--input") options.inputs.push_back(value);
        else if (name == "--output") options.outputs.push_back(value);
        else if (name == "--expect") options.expected.push_back(value);
        else if (name == "--patience") alarm(static_cast<unsigned>(std::stoul(value)));
#ifdef TERNC_MONITOR
        else if (name == "--monitor") monitor_prefix = value;
        else if (name == "--layers") layers.read(value);
#endif
        else throw std::invalid_argument("unknown option " + name);
    }
    if (argc % 2 == 0) throw std::invalid_argument("every option has a value");
    if (options.inputs.size() != TERNC_INPUT_COUNT) throw std::invalid_argument("one --input for each input port");
    if (options.outputs.size() + options.expected.size() != TERNC_OUTPUT_COUNT)
        throw std::invalid_argument("one --output or --expect for each output port");
    return options;
}

int run(const Options& options) {
    std::vector<std::unique_ptr<NpyReader>> readers, expected;
    std::vector<std::unique_ptr<NpyWriter>> writers;
    for (const auto& path : options.inputs) readers.push_back(std::make_unique<NpyReader>(path));
    for (const auto& path : options.expected) expected.push_back(std::make_unique<NpyReader>(path));
    std::size_t port = 0;
#define TERNC_CHECK_INPUT(name, bits, count)                                                           \
    if (readers[port]->beats != count || readers[port]->bytes != (bits + 7) / 8)                       \
        throw std::invalid_argument(options.inputs[port] + " does not hold the beats of port " #name); \
    ++port;
    TERNC_INPUTS(TERNC_CHECK_INPUT)
    port = 0;
#define TERNC_OPEN_OUTPUT(name, bits, count) \
    if (!options.outputs.empty())            \
        writers.push_back(std::make_unique<NpyWriter>(options.outputs[port++], count, (bits + 7) / 8));
    TERNC_OUTPUTS(TERNC_OPEN_OUTPUT)

    static ternc_simulation design;
    const std::size_t frames = readers[0]->frames;
    const std::clock_t begin = std::clock();
    port = 0;
#define TERNC_PUT(name, bits, count) \
    for (std::size_t f = 0; f < frames; ++f) put<bits>(design.name, readers[port]->frame()); \
    ++port;
    TERNC_INPUTS(TERNC_PUT)
    design.run(frames);
    std::vector<std::vector<Bytes>> got(TERNC_OUTPUT_COUNT);
    port = 0;
#define TERNC_GET(name, bits, count) \
    for (std::size_t f = 0; f < frames; ++f) got[port].push_back(get<bits>(design.name, count, #name)); \
    ++port;
    TERNC_OUTPUTS(TERNC_GET)
#define TERNC_END(name, bits, count) nothing_left<bits>(design.name, #name);
    TERNC_OUTPUTS(TERNC_END)
    const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;

    int wrong = 0;
    for (std::size_t n = 0; n < got.size(); ++n) {
        for (std::size_t f = 0; f < frames; ++f) {
            if (!writers.empty()) writers[n]->frame(got[n][f]);
            if (expected.empty() || expected[n]->frame() == got[n][f]) continue;
            if (wrong++ == 0) std::fprintf(stderr, "frame %zu differs from %s\n", f, options.expected[n].c_str());
        }
    }
    for (auto& writer : writers) writer->close();
    if (!expected.empty() && wrong == 0) std::printf("%zu frames: every output as expected\n", frames);
#ifdef TERNC_MONITOR
    if (!layers.right(frames)) ++wrong;
#endif
    std::printf("frames %zu cpu_seconds %.6f\n", frames, seconds);
    return wrong == 0 ? 0 : 1;
}

}  // namespace

#ifdef TERNC_MONITOR
void ternc_monitor(int engine, const long long* values, int count) {
    layers.finished(static_cast<std::size_t>(engine), values);
    if (monitor_prefix.empty()) return;
    const std::size_t number = static_cast<std::size_t>(engine);
    if (monitor_files.size() <= number) monitor_files.resize(number + 1, nullptr);
    if (monitor_files[number] == nullptr) {
        monitor_files[number] = std::fopen((monitor_prefix + std::to_string(engine) + ".bin").c_str(), "wb");
    }
    if (monitor_files[number] == nullptr
        || std::fwrite(values, sizeof *values, static_cast<std::size_t>(count), monitor_files[number])
               != static_cast<std::size_t>(count)) {
        std::fputs("the monitor's file cannot be written\n", stderr);
        std::exit(2);
    }
}
#endif

// Nothing that is right takes this long; an engine that waits for what never comes would run on.
extern "C" void stuck(int) {
    static const char text[] = "nothing moves: the simulation took longer than --patience\n";
    if (write(2, text, sizeof text - 1) < 0) _exit(4);
    _exit(3);
}

int main(int argc, char** argv) {
    std::signal(SIGALRM, stuck);
    try {
        return run(read_options(argc, argv));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 2;
    }
}

// A simulated board: the generated core with its registers, on the other end of a pair of pipes. A host program asks
// for what a real one would do over the bus and the DMA, and the clock runs while there is something to do.
//
//   device RTL_FOLDER          memory images are read from mem/ below that folder
//
// A request is three little-endian uint32 on stdin, an answer two on stdout: a status, 0 or 1, and a value.
//
//   'r' offset  -        read a register; the value is what it holds
//   'w' offset  value    write a register
//   'f' frames  -        then of each input, in the order of "ports.h", its frames' beats: run them all. The answer is
//                        followed by each output's beats
//   'l' words   -        then that many 32-bit words, at least one: a packet for the stream that takes images
//   'q' -       -        end; end of file does as well
//
// Status 1: it could not be done; the value is the length of the text that follows and says why.

#include <unistd.h>
#include <verilated.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "Vtop.h"
#include "ports.h"

namespace {

struct Failed : std::runtime_error {
    using std::runtime_error::runtime_error;
};

using Bytes = std::vector<std::uint8_t>;

// One stream and the frames that are to move through it. TDATA of any width is little-endian in memory.
struct Stream {
    std::string name;
    std::uint8_t* data;
    std::size_t size;
    CData *valid, *ready, *last;
    std::size_t beats, bytes;
    Bytes frames{};
    std::size_t moved = 0;

    std::size_t frame_bytes() const { return beats * bytes; }
    bool done() const { return moved == frames.size(); }
    bool ends_frame() const { return (moved + bytes) % frame_bytes() == 0; }
    std::string progress() const {
        return std::to_string(moved / bytes) + " of " + std::to_string(frames.size() / bytes) + " beats of " + name;
    }
};

// The stream that takes images; a design that is not reloadable has none.
struct Loads {
    IData* data = nullptr;
    CData *valid = nullptr, *ready = nullptr, *last = nullptr;
    std::vector<std::uint32_t> words{};
    std::size_t moved = 0;
    bool done() const { return moved == words.size(); }
};

template <typename Top>
auto loads_of(Top& top, int) -> decltype(top.s_axis_load_tvalid, Loads{}) {
    return {&top.s_axis_load_tdata, &top.s_axis_load_tvalid, &top.s_axis_load_tready, &top.s_axis_load_tlast};
}
template <typename Top>
Loads loads_of(Top&, long) {
    return {};
}

#define TERNC_STREAM(prefix, text, beats, bytes)                                                                   \
    Stream{text, reinterpret_cast<std::uint8_t*>(&top_.prefix##tdata), sizeof(top_.prefix##tdata),                 \
           &top_.prefix##tvalid, &top_.prefix##tready, &top_.prefix##tlast, beats, bytes},

class Device {
public:
    explicit Device(VerilatedContext& context) : context_(context), top_(&context, "") {
        inputs_ = {TERNC_INPUTS(TERNC_STREAM)};
        outputs_ = {TERNC_OUTPUTS(TERNC_STREAM)};
        loads_ = loads_of(top_, 0);
        top_.rst_ni = 0;
        for (int n = 0; n < 16; ++n) cycle();
        top_.rst_ni = 1;
        cycle();
    }

    std::uint32_t read(std::uint32_t offset) {
        top_.s_axil_araddr = static_cast<CData>(offset);
        top_.s_axil_arvalid = 1;
        top_.s_axil_rready = 1;
        std::uint32_t value = 0;
        for (bool asked = false, answered = false; !answered;) {
            const auto at = cycle();
            if (at.arready && top_.s_axil_arvalid) asked = true;
            if (asked) top_.s_axil_arvalid = 0;
            answered = at.rvalid;
            value = at.rdata;
        }
        top_.s_axil_rready = 0;
        return value;
    }

    void write(std::uint32_t offset, std::uint32_t value) {
        top_.s_axil_awaddr = static_cast<CData>(offset);
        top_.s_axil_wdata = value;
        top_.s_axil_wstrb = 15;
        top_.s_axil_awvalid = top_.s_axil_wvalid = top_.s_axil_bready = 1;
        for (bool answered = false; !answered;) {
            const auto at = cycle();
            if (at.awready) top_.s_axil_awvalid = 0;
            if (at.wready) top_.s_axil_wvalid = 0;
            answered = at.bvalid;
        }
        top_.s_axil_bready = 0;
    }

    std::vector<Stream>& inputs() { return inputs_; }
    const std::vector<Stream>& outputs() const { return outputs_; }

    // Moves the inputs' frames in and as many out of every output.
    void run(std::size_t frames) {
        for (auto& output : outputs_) {
            output.frames.assign(frames * output.frame_bytes(), 0);
            output.moved = 0;
        }
        for (std::uint64_t idle = 0; !done();) {
            idle = cycle().moved ? 0 : idle + 1;
            if (idle == TERNC_WATCHDOG_CYCLES) throw Failed("nothing moved for " + std::to_string(idle) + " cycles: " + progress());
        }
    }

    // Moves a packet into the loader.
    void load(std::vector<std::uint32_t> words) {
        if (!loads_.valid) throw Failed("the design is not reloadable");
        loads_.words = std::move(words);
        loads_.moved = 0;
        for (std::uint64_t idle = 0; !loads_.done();) {
            idle = cycle().moved ? 0 : idle + 1;
            if (idle == TERNC_WATCHDOG_CYCLES)
                throw Failed("nothing moved for " + std::to_string(idle) + " cycles: " + std::to_string(loads_.moved) + " of " +
                             std::to_string(loads_.words.size()) + " words of the image");
        }
        for (int n = 0; n < 8; ++n) cycle();  // the loader decides
        loads_.words.clear(), loads_.moved = 0;
    }

    void drop() {
        loads_.words.clear(), loads_.moved = 0;
        for (auto* streams : {&inputs_, &outputs_})
            for (auto& stream : *streams) stream.frames.clear(), stream.moved = 0;
    }

private:
    // What was seen on the wires at the clock edge that ended the cycle.
    struct Seen {
        bool moved, awready, wready, bvalid, arready, rvalid;
        std::uint32_t rdata;
    };

    Seen cycle() {
        for (auto& input : inputs_) {
            *input.valid = !input.done() && top_.rst_ni;
            std::memset(input.data, 0, input.size);
            if (*input.valid) std::memcpy(input.data, input.frames.data() + input.moved, input.bytes);
            *input.last = *input.valid && input.ends_frame();
        }
        for (auto& output : outputs_) *output.ready = !output.done();
        if (loads_.valid) {
            *loads_.valid = !loads_.done() && top_.rst_ni;
            *loads_.data = *loads_.valid ? loads_.words[loads_.moved] : 0;
            *loads_.last = *loads_.valid && loads_.moved + 1 == loads_.words.size();
        }
        top_.clk_i = 0;
        top_.eval();
        Seen seen{false, top_.s_axil_awready != 0, top_.s_axil_wready != 0, top_.s_axil_bvalid != 0,
                  top_.s_axil_arready != 0, top_.s_axil_rvalid != 0, top_.s_axil_rdata};
        for (auto& input : inputs_)
            if (*input.valid && *input.ready) input.moved += input.bytes, seen.moved = true;
        if (loads_.valid && *loads_.valid && *loads_.ready) ++loads_.moved, seen.moved = true;
        for (auto& output : outputs_) {
            if (!*output.valid || !*output.ready) continue;
            if ((*output.last != 0) != output.ends_frame()) throw Failed("TLAST is wrong after " + output.progress());
            std::memcpy(output.frames.data() + output.moved, output.data, output.bytes);
            output.moved += output.bytes;
            seen.moved = true;
        }
        top_.clk_i = 1;
        top_.eval();
        context_.timeInc(1);
        return seen;
    }

    bool done() const {
        for (const auto* streams : {&inputs_, &outputs_})
            for (const auto& stream : *streams)
                if (!stream.done()) return false;
        return true;
    }

    std::string progress() const {
        std::string text;
        for (const auto* streams : {&inputs_, &outputs_})
            for (const auto& stream : *streams) text += (text.empty() ? "" : ", ") + stream.progress();
        return text;
    }

    VerilatedContext& context_;
    Vtop top_;
    std::vector<Stream> inputs_, outputs_;
    Loads loads_;
};

// ---------------------------------------------------------------------------------------------- the pipes

bool take(void* data, std::size_t size) { return std::fread(data, 1, size, stdin) == size; }

void give(const void* data, std::size_t size) { std::fwrite(data, 1, size, stdout); }

void answer(std::uint32_t status, std::uint32_t value) {
    const std::uint32_t words[2] = {status, value};
    give(words, sizeof words);
}

void refuse(const std::string& why) {
    answer(1, static_cast<std::uint32_t>(why.size()));
    give(why.data(), why.size());
}

void run(Device& device, std::uint32_t frames) {
    for (auto& input : device.inputs()) {
        input.frames.resize(frames * input.frame_bytes());
        input.moved = 0;
        if (!take(input.frames.data(), input.frames.size())) throw std::runtime_error("the frames end early");
    }
    device.run(frames);
    answer(0, frames);
    for (const auto& output : device.outputs()) give(output.frames.data(), output.frames.size());
    device.drop();
}

void load(Device& device, std::uint32_t count) {
    std::vector<std::uint32_t> words(count);
    if (count == 0 || !take(words.data(), 4 * words.size())) throw std::runtime_error("the image ends early");
    device.load(std::move(words));
    answer(0, count);
}

void serve(Device& device) {
    std::uint32_t request[3];
    while (take(request, sizeof request) && request[0] != 'q') {
        try {
            switch (request[0]) {
                case 'r': answer(0, device.read(request[1])); break;
                case 'w':
                    device.write(request[1], request[2]);
                    answer(0, 0);
                    break;
                case 'f': run(device, request[1]); break;
                case 'l': load(device, request[1]); break;
                default: throw std::runtime_error("an unknown request");
            }
        } catch (const Failed& error) {
            device.drop();
            refuse(error.what());
        }
        std::fflush(stdout);
    }
}

}  // namespace

// Compiled with VL_USER_STOP, VL_USER_FINISH and VL_USER_FATAL: $stop, $error, $finish and $fatal end a request.
void vl_finish(const char* file, int line, const char*) VL_MT_UNSAFE {
    throw Failed(std::string("$finish at ") + file + ":" + std::to_string(line));
}
void vl_stop(const char* file, int line, const char*) VL_MT_UNSAFE {
    throw Failed(std::string("a check failed at ") + file + ":" + std::to_string(line));
}
void vl_fatal(const char* file, int line, const char*, const char* message) VL_MT_UNSAFE {
    throw Failed(std::string(message) + " (" + file + ":" + std::to_string(line) + ")");
}

int main(int argc, char** argv) {
    try {
        if (argc != 2 || chdir(argv[1]) != 0) throw std::invalid_argument("usage: device RTL_FOLDER");
        VerilatedContext context;
        context.randReset(2);  // registers without reset start with random values
        context.randSeed(1);
        Device device(context);
        serve(device);
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "error " << error.what() << "\n";
        return 2;
    }
}

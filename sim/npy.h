// uint8 [frames, beats, bytes] in .npy files, read and written one frame at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <ios>
#include <stdexcept>
#include <string>
#include <vector>

using Bytes = std::vector<std::uint8_t>;

// Reads uint8 [frames, beats, bytes] one frame at a time.
class NpyReader {
public:
    explicit NpyReader(const std::string& path) : file_(path, std::ios::binary) {
        char magic[10];
        if (!file_.read(magic, 10) || std::memcmp(magic, "\x93NUMPY\x01", 7) != 0)
            throw std::invalid_argument(path + " is not a version 1 .npy file");
        const unsigned low = static_cast<std::uint8_t>(magic[8]), high = static_cast<std::uint8_t>(magic[9]);
        const std::size_t length = low + 256 * high;
        std::string header(length, ' ');
        file_.read(&header[0], static_cast<std::streamsize>(length));
        const auto open = header.find('(');
        if (header.find("'|u1'") == std::string::npos || header.find("False") == std::string::npos
            || std::sscanf(header.c_str() + open, "(%zu, %zu, %zu)", &frames, &beats, &bytes) != 3)
            throw std::invalid_argument(path + " must hold uint8 [frames, beats, bytes]");
    }

    Bytes frame() {
        Bytes data(beats * bytes);
        if (!file_.read(reinterpret_cast<char*>(data.data()), static_cast<std::streamsize>(data.size())))
            throw std::invalid_argument("the input .npy file is truncated");
        return data;
    }

    std::size_t frames = 0, beats = 0, bytes = 0;

private:
    std::ifstream file_;
};

// Writes uint8 [frames, beats, bytes] one frame at a time; close() fills in how many there were.
class NpyWriter {
public:
    NpyWriter(const std::string& path, std::size_t beats, std::size_t bytes)
        : file_(path, std::ios::binary), beats_(beats), bytes_(bytes) {
        header();
    }

    void frame(const Bytes& data) {
        file_.write(reinterpret_cast<const char*>(data.data()), static_cast<std::streamsize>(data.size()));
        ++frames_;
    }

    void close() {
        file_.seekp(0);
        header();
        file_.close();
        if (!file_) throw std::invalid_argument("the output .npy file cannot be written");
    }

private:
    void header() {
        std::string text = "{'descr': '|u1', 'fortran_order': False, 'shape': (" + std::to_string(frames_) + ", "
            + std::to_string(beats_) + ", " + std::to_string(bytes_) + "), }";
        text.resize(117, ' ');
        text += '\n';
        file_.write("\x93NUMPY\x01\x00\x76\x00", 10);  // 0x76 = 118 bytes of text follow
        file_.write(text.data(), static_cast<std::streamsize>(text.size()));
    }

    std::ofstream file_;
    std::size_t beats_, bytes_, frames_ = 0;
};

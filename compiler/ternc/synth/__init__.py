"""From a build directory to a bitstream, with the tools that are on this machine."""

// Test code: a small shim of what the SYCL wrapper uses, so that a plain C++ compiler can run it. It is no SYCL: a kernel
// runs at once, to its end, and a pipe is a queue without a bound. Not used where a SYCL compiler is.
#pragma once

#include "../../vitis/hls_stream.h"

namespace sycl {

class queue {
public:
    template <class Name, class Kernel>
    void single_task(const Kernel& kernel) {
        kernel();
    }
    void wait() {}
};

}  // namespace sycl

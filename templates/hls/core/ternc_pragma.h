// Whether a tool synthesises the text, and pragmas that are there only then.
//
// Vitis HLS and Catapult define __SYNTHESIS__, a SYCL device compiler __SYCL_DEVICE_ONLY__. With TERNC_SYNTHESIS a plain
// compiler sees what the tool sees.
#pragma once

#if defined(__SYNTHESIS__) || defined(__SYCL_DEVICE_ONLY__)
#define TERNC_SYNTHESIS
#endif

#ifdef TERNC_SYNTHESIS
#define TERNC_PRAGMA(text) _Pragma(#text)
#else
#define TERNC_PRAGMA(text)
#endif

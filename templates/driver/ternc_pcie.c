#include "ternc_pcie.h"

int ternc_pcie(ternc_transport *transport, const ternc_design *design, const char *device) {
    (void)transport;
    (void)design;
    return ternc_fail("%s: there is no transport over PCIe yet; ternc_pcie.h says what one has to do", device);
}

# Compiles and links what Verilator wrote, in a few parts instead of file by file: reading Verilator's headers
# takes longer than compiling a typical file of its output. Run in its output directory:
#
#   make -f .../verilator.mk PARTS="part_0 part_1" simulator
#
# part_N.cpp include the files that run every cycle, slow.cpp those that run once. With SLOW= and DRIVER= the parts
# hold everything.
include Vtop.mk

SLOW = slow.o
DRIVER = $(VK_USER_OBJS)

.PHONY: simulator
simulator: Vtop_parts

Vtop_parts: $(addsuffix .o, $(PARTS)) $(SLOW) $(DRIVER) $(VK_GLOBAL_OBJS)
	$(LINK) $(LDFLAGS) $^ $(LOADLIBES) $(LDLIBS) $(LIBS) -o $@

slow.o: slow.cpp
	$(CXX) $(OPT_SLOW) $(CXXFLAGS) $(CPPFLAGS) -c -o $@ $<

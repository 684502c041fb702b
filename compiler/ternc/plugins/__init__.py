"""ternc as a part of other tools: each module is loaded by the tool whose name it has."""

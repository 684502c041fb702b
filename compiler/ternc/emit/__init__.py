"""Design to files. Emitters decide nothing: they write what the Design says."""

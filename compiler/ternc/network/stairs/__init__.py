"""From real arithmetic behind an accumulator to an exact integer staircase, with the proof.

`thresholds` derives the staircase of a chain of `ternc.network.steps` on one scale, `combine` that of a sum of several
scales, `prove` shows that it is exact, `borders` lists where float32 may round to the other side. The rest is what
these stand on: evaluation in float64 with error bounds (`evaluate`, `enclosure`), in rationals and beyond (`exact`,
`reals`), functions and where they turn (`functions`, `pieces`), and the order of all reachable sums (`marks`,
`lattice`).
"""

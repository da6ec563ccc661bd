"""What a memory can do, measured: capacity, basins, dynamics, noise, spurious states, bits.

Measures of a *model* (`capacity`, `critical_load`, `finite_size_trend`, `basin`, `thermal`,
`information_capacity`) build fresh networks of it, load by load; measures of a *memory*
(`dynamics`, `snr`, `spurious`, `information`) look at one that has stored patterns. All give an
`xarray.Dataset` with units and provenance, the same for any executor, and take a chip as ``on=``.
"""

from neuromem.measures.capacity import capacity, critical_load, finite_size_trend

__all__ = [
    "capacity",
    "critical_load",
    "finite_size_trend",
]

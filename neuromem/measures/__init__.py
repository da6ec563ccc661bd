"""What a memory can do, measured: capacity, basins, dynamics, noise, ageing on a chip, its cost.

Measures of a *model* (`capacity`, `critical_load`, `finite_size_trend`, `basin`, `thermal`,
`information_capacity`) build fresh networks of it, load by load; measures of a *memory*
(`dynamics`, `snr`, `spurious`, `information`) look at one that has stored patterns. They take a
chip as ``on=``. Two are about chips: `ageing` follows a memory on one through time, `trade_off`
holds its recall against what it costs. All give an `xarray.Dataset` with units and provenance,
the same for any executor.
"""

from neuromem.measures._statistics import wilson_interval
from neuromem.measures.ageing import ageing
from neuromem.measures.basin import basin
from neuromem.measures.capacity import capacity, critical_load, finite_size_trend
from neuromem.measures.dynamics import dynamics
from neuromem.measures.information import information, information_capacity
from neuromem.measures.snr import snr
from neuromem.measures.spurious import spurious
from neuromem.measures.thermal import thermal
from neuromem.measures.trade_off import trade_off

__all__ = [
    "ageing",
    "basin",
    "capacity",
    "critical_load",
    "dynamics",
    "finite_size_trend",
    "information",
    "information_capacity",
    "snr",
    "spurious",
    "thermal",
    "trade_off",
    "wilson_interval",
]

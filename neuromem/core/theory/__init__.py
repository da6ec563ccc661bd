"""What memories can hold, from theory: capacity laws, retrieval curves, error rates, information.

Pure functions of plain numbers. Those that take a load, a temperature or another real argument
take arrays too, and give arrays back. Where no retrieval state exists an overlap or a rate is 0.0;
nothing returns NaN. Loads are alpha = P/N unless a function says otherwise; temperatures are in
units of the field of a stored pattern; the limit of many units is meant unless `n` is an argument.

===========================  ====================================================================
question                     functions
===========================  ====================================================================
Hebbian network, any noise   `retrieval_overlap`, `critical_load`, `critical_temperature`,
                             `coexistence_temperature`, `spin_glass_temperature`
related networks, no noise   `retrieval_overlap_of`, `critical_load_of`, `critical_load_for_noise`
first step, exact recall     `recall_snr`, `flip_probability`, `error_free_capacity`,
                             `storkey_capacity`, `finite_size_critical_load`
any rule at all              `gardner_capacity`
sparse 0/1 patterns          `low_activity_capacity`, `low_activity_state`, `low_activity_overlap`
dense memories               `dense_capacity`, `dense_flip_probability`, `dense_load`,
                             `exponential_capacity`, `exponential_rate`
softmax, entmax              `softmax_capacity`, `softmax_target_weight`, `softmax_error_bound`,
                             `entmax_margin`
bits                         `channel_information`, `information_per_synapse`
===========================  ====================================================================

Counts that may be beyond the largest float have a twin that returns their natural logarithm:
`log_dense_capacity`, `log_exponential_capacity`, `log_softmax_capacity`.

>>> from neuromem.core import theory
>>> theory.retrieval_overlap([0.05, 0.10, 0.15]).round(3)
array([1.   , 0.998, 0.   ])
"""

from neuromem.core.theory.crosstalk import (
    error_free_capacity,
    finite_size_critical_load,
    flip_probability,
    recall_snr,
    storkey_capacity,
)
from neuromem.core.theory.dense import (
    dense_capacity,
    dense_flip_probability,
    dense_load,
    exponential_capacity,
    exponential_rate,
    log_dense_capacity,
    log_exponential_capacity,
)
from neuromem.core.theory.gardner import gardner_capacity
from neuromem.core.theory.information import channel_information, information_per_synapse
from neuromem.core.theory.low_activity import (
    LowActivityCapacity,
    LowActivityState,
    low_activity_capacity,
    low_activity_overlap,
    low_activity_state,
)
from neuromem.core.theory.mean_field import (
    coexistence_temperature,
    critical_load,
    critical_temperature,
    retrieval_overlap,
    spin_glass_temperature,
)
from neuromem.core.theory.networks import (
    critical_load_for_noise,
    critical_load_of,
    retrieval_overlap_of,
)
from neuromem.core.theory.softmax import (
    entmax_margin,
    log_softmax_capacity,
    softmax_capacity,
    softmax_error_bound,
    softmax_target_weight,
)

__all__ = [
    "LowActivityCapacity",
    "LowActivityState",
    "channel_information",
    "coexistence_temperature",
    "critical_load",
    "critical_load_for_noise",
    "critical_load_of",
    "critical_temperature",
    "dense_capacity",
    "dense_flip_probability",
    "dense_load",
    "entmax_margin",
    "error_free_capacity",
    "exponential_capacity",
    "exponential_rate",
    "finite_size_critical_load",
    "flip_probability",
    "gardner_capacity",
    "information_per_synapse",
    "log_dense_capacity",
    "log_exponential_capacity",
    "log_softmax_capacity",
    "low_activity_capacity",
    "low_activity_overlap",
    "low_activity_state",
    "recall_snr",
    "retrieval_overlap",
    "retrieval_overlap_of",
    "softmax_capacity",
    "softmax_error_bound",
    "softmax_target_weight",
    "spin_glass_temperature",
    "storkey_capacity",
]

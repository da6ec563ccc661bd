"""Resistive and in-memory-compute arrays: devices, crossbars, chips, and what they cost.

`Chip` maps any memory onto arrays of a named device; `profiles` and `chips` list what is known.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

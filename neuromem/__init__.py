"""neuromem: what a memory holds, for how long, per byte, and what is left of it on a device.

Parts load when they are first used, so that ``import neuromem`` stays quick.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__version__ = "0.1.0"

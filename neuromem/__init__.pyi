from . import hardware as hardware
from . import measures as measures
from . import models as models
from . import plot as plot
from . import sweep as sweep
from .core import patterns as patterns
from .core import theory as theory
from .models import load as load

__version__: str

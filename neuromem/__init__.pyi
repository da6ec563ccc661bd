from neuromem import measures as measures
from neuromem import models as models
from neuromem import plot as plot
from neuromem import sweep as sweep
from neuromem.core import patterns as patterns
from neuromem.core import theory as theory

"""Digital processing in the memory: floating-point arithmetic by steps of an array."""

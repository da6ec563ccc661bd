"""Codes, patterns, randomness, the memory protocol, synapses, results, files and theory."""

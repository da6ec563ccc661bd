"""Resistive and in-memory-compute arrays: the floor is laid, the devices are not built yet."""

"""Devices as data: profiles, populations of cells, their updates, faults and fits."""

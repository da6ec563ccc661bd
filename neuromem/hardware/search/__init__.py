"""Arrays that search: content-addressable, hyperdimensional, sparse distributed memories."""

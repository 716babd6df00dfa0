"""A simulated crowd: fans who know only the public API, and trust nothing it says."""

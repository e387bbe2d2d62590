"""A local cloud of real processes that is hurt by a seeded schedule of faults, and what must be true afterwards."""

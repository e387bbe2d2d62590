"""Public in-memory doubles of the ports: the same promises, for tests and for trying things out. Thread-safe.

`failing.fail_once` makes any of them fail, as a service does that is unavailable for a moment.
"""

"""The event and HTTP functions: parse, call, decide about retry."""

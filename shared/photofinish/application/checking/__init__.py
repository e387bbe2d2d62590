"""Compare everything that is kept of an album's photos, and mend what differs; import from the modules."""

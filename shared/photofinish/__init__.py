"""photofinish: a bucket of event photos becomes a searchable album. What functions and jobs both need."""

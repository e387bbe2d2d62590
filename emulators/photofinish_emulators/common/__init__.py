"""What the servers of this package have in common: durable storage, logging, serving, health."""

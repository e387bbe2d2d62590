"""Shared by the servers of this package: durable storage, logging, serving, processes."""

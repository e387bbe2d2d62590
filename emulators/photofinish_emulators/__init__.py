"""The local cloud: servers for the official Google Cloud clients, which cannot distinguish them from the real services.

This package imports none of the product's code, so it cannot share its bugs.
"""

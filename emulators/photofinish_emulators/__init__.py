"""The local cloud: wire servers that the official Google Cloud clients cannot tell from the real services.

Nothing here knows photofinish: this package imports none of the product's code, so it cannot mirror its bugs.
"""

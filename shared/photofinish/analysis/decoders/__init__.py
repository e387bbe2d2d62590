"""Pictures are decoded in separate processes that can do nothing else, so that a hostile file harms only itself.

`DecoderPool` is what others use. Each of its processes (`program.py`) gives up its rights (`confinement.py`) before the
first picture; `process.py` is this side of one process, and `messages.py` what the two sides say to each other.
"""

"""Cloud Run Jobs on this machine: a task is a local process instead of a container."""

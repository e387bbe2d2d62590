"""The subcommands of `photofinish`, one module each."""

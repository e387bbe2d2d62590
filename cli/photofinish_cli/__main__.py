"""``python -m photofinish_cli``: the `photofinish` command."""

from photofinish_cli.main import app

app(prog_name="photofinish")

"""One module per group of routes; each has ``blueprint(services) -> APIBlueprint``, which ``app.py`` registers."""

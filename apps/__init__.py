"""One folder an application; each is run by `python -m apps.NAME COMMAND`."""

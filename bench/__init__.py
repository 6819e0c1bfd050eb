"""The bench: Auricle, the service it replaces and the bare engine, measured in one run. `python -m bench --help`."""

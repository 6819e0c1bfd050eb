"""The built-in JSON Schemas: `envelope.json`, and one file for the attributes of each event of the catalogue."""

"""Door 1: the only room that knows HTTP. Each handler parses, calls one function, and replies."""

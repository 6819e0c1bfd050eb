"""User SQL: from a stranger's text to a statement that can read one tenant's rows and nothing else.

`lexis` → `grammar` → `guard` → `lexis` again → the engine's own tree (`tree`) → the tenant's filter and the limits
(`run`). Each layer would do alone; none trusts the one before.
"""

"""`python -m bench.unchecked …` is the command `auricle` without the schemas of events: the envelope alone is checked.

It is no setting: a service that takes anything as an event of the catalogue would make its reports lie.
"""

from auricle.cli import main
from auricle.intake.schemas import Registry

if __name__ == "__main__":
    envelope = Registry.load().unknown
    Registry.load = classmethod(lambda cls: cls({}, {}, envelope))  # type: ignore[assignment, method-assign]
    main()

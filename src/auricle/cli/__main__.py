"""`python -m auricle.cli` is the command `auricle`."""

from auricle.cli import main

main()

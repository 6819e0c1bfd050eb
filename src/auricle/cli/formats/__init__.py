"""The formats that `auricle import` reads: one file a format, each a pure iterator from lines to event bodies."""

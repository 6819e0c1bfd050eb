"""Intake: from the bytes of a request to events that are checked, counted once and kept."""

"""Privacy: finding, exporting and erasing what is known of a person, and removing what is old."""

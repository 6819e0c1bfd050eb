"""The water of the river: immutable values that pass between the rooms. Standard library only."""

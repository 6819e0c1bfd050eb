"""Migrations of the control plane, one file a change."""

"""Typed code made of schemas: a shape of each, and the shape in Python and in TypeScript."""

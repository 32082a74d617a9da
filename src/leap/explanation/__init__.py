"""Exact contributions in words: reasons of a score, drivers of a model, pictures."""

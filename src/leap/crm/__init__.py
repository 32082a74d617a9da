"""Scores and tiers where sales and success teams work: what differs from what was sent last, sent to arrive once.

A target is a CRM (or a folder of files). The engine compares, sends in batches and remembers; a target only speaks the
CRM's language.
"""

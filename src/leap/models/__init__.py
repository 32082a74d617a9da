"""Learners, calibration, honest selection, tuning, and the composition of the components into NRR."""

"""Races against the libraries that are installed: `python -m benchmarks [NAME ...]`, one file per race.

A race measures, it does not pass or fail: time with its spread, first call and set-up apart, the error beside the time,
against a reference that is not the package's own, and ratios to the best peer beside what they are meant to be.
"""

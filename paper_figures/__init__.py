"""Figures of the papers, and our own: `python -m paper_figures [NAME ...]`.

One module per figure.  Each computes its numbers into a data file (npz), then draws from that file alone, and writes a
caption that says how far the numbers can be trusted.
"""

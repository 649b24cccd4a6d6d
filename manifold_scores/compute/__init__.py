"""Compiled kernels: plain arrays in, plain arrays out, no validation.

The only place of the package that imports numba.  `formulas` and `quadrature_rules` hold plain scalar functions and
numbers (no numba, usable from pure Python, by the CPU kernels and later by device kernels); the `cpu_*` modules hold
loops, indices and memory.
"""

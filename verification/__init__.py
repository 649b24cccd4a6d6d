"""Numerical verification of the theorems, one file per claim; run `python -m verification --help`.

Every claim computes its predictions from geometry alone and asks the package only for what is under test: the oracle
comes in through the parameter `noised`, so that a test can hand over a faulty one and see the claim fail.
"""

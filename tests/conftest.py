"""Makes the examples of a derandomised test depend on that test alone."""

import contextlib

# hypothesis mixes numbers and texts of every module of the project that happens to be imported into its examples.  They
# would change with the order in which workers get their tests, and with every edit of the package: a rare failure would
# then come up in a change that has nothing to do with it.  There is no public switch; test_examples.py looks.
with contextlib.suppress(ImportError):
    from hypothesis.internal.conjecture import providers

    providers._get_local_constants = providers.Constants

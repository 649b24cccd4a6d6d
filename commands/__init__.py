"""What `verification`, `paper_figures` and `benchmarks` share: files that are whole, errors of one line, threads."""

"""Measuring WeTalk: workloads made from a seed, and programs that say how fast they are handled.

Source tree only. Every number is the median of several runs, beside what the same machine does with
the bare library calls in the same minute: so numbers from different machines can be compared.
"""

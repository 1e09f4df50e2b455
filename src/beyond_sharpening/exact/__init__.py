"""Enumerable policies: exact distributions, expectations and gradients, and the theory as executable checks.

completions     every completion a small vocabulary and a length cap allow
policy          the exact log-probability of each, for any causal language model
distributions   expectation, entropy, divergences, tempered and tilted distributions, values of an objective
gradient        exact gradients of objectives, and the exact moments of the RLOO estimator
propositions    the ten propositions of docs/theory.md
"""

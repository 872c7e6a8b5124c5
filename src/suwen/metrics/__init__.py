"""Metrics: pure functions of numpy arrays.

Every metric of a sample set takes `weights` of shape (..., n) and returns shape (...): with the
counts of a bootstrap resample as weights, thousands of resamples are one matrix product.
"""

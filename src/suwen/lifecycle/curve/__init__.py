"""Learning from few labels, as a declared grid."""

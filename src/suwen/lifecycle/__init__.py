"""Task and Pack contracts, and one lifecycle for all: train, evaluate, explain, card."""

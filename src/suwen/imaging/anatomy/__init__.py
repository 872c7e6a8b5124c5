"""Lungs, lobes and fissures, and which way round a chest CT is."""

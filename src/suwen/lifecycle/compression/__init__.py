"""Smaller packs, behind a clinical regression test."""

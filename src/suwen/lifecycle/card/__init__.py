"""The model card, part by part."""

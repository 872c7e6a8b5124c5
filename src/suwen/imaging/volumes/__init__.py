"""Volumes of voxels, and the places of nodules in them."""

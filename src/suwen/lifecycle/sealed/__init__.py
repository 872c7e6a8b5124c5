"""What a pack is made of: manifest, keys, weights, guard, gallery."""

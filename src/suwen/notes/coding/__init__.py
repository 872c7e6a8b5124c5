"""From mentions to codes, those of the house too."""

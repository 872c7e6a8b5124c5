"""What Lung-RADS and Fleischner advise for a nodule."""

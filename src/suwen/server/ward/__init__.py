"""What the ward board and the alert console show, and what is charted."""

"""What the notes of a case say, each thing once, with every place it is said."""

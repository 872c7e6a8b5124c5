"""From scores to answers: probabilities, intervals, sets and bands."""

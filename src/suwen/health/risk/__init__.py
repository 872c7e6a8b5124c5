"""Published risk equations, what another value would go with, and what causal readings assume."""

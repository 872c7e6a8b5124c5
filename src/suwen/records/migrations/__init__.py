"""Schema migrations of the record store (Alembic), run when a store is opened."""

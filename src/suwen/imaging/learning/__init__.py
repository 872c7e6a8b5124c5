"""What training of all networks of the room shares. Imports torch."""

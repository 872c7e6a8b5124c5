"""What lives as long as the server: sessions, opened recordings, jobs."""

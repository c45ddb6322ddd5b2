"""Work in processes of its own: workers, a bounded pool, progress bars."""

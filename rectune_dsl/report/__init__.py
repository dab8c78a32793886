"""What a journal holds, as tables, pages and JSON."""

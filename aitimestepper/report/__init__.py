"""The report of an evaluation: its figures, and one page that opens anywhere."""

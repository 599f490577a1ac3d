"""A trial that nobody here knows: its protocol file, and eight patients whose answers follow by hand."""

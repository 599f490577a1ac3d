"""A second implementation of the trial's rules, written from their text alone, and the folders to compare on."""

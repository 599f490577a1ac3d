"""Tests of the shift analysis."""

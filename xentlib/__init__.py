"""Cross-entropy, derived and checked."""

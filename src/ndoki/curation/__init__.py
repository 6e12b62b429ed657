"""Better labels and harder negatives: what makes the next training better than the last."""

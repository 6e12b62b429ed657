"""Files → samples, whatever state they are in."""

"""Events to files and back: one small module per format, each with its writer and its reader."""

"""The shots of a burst, from the sound itself: evidence every 4 ms, and the sequence that explains it."""

"""What a cell is: where it lies, what made it, and which cells a comparison finds."""

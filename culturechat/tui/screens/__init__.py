"""What the user sees and does at one time: one module each."""

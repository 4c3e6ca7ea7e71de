"""What single pages show, as frames and plain records."""

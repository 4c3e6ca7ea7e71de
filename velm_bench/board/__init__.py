"""What the pages show: frames over folders of runs."""

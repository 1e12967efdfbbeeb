"""Speed and memory, told as ratios against peers in the same run. ``make bench``."""

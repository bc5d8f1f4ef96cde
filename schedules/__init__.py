"""What is due by itself: duties, lessons, digests. The second source of posts."""

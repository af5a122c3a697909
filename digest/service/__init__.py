"""What runs by itself: the schedule of the digests."""

"""What editors change about an edition: applied, compared and guarded. Pure, without models."""

"""What a person types, before and after Hydra sees it: each mistake gets one sentence that says what to type."""

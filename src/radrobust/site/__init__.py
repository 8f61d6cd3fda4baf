"""From executed pages to a website: what renders them, and what it takes and leaves."""

"""The report: a kit, and the pages that are made with it."""

"""What pages are called. Light to import: each page is executed by a process of its own."""

CASES = "cases"


def page_name(key: str) -> str:
    """Return the name of the page of a system."""
    return f"system-{key}"

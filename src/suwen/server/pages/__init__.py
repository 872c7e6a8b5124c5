"""The pages: what a browser asks for, one file a page."""

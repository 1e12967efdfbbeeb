"""The admin's start page."""

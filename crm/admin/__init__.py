"""The admin's pages for what a tenant is: pipelines, people. Records have files, and their pages are importexport's."""

from crm.admin import people, setup

__all__ = ["people", "setup"]

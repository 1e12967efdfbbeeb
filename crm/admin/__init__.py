"""The admin's pages of a tenant: pipelines, members, API keys. Those of records are importexport's."""

from crm.admin import api_keys, members, pipelines

__all__ = ["api_keys", "members", "pipelines"]

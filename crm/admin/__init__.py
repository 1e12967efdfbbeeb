"""Admin pages for a tenant's pipelines, members and API keys. Record pages are in ``importexport.admin``."""

from crm.admin import api_keys, members, pipelines

__all__ = ["api_keys", "members", "pipelines"]

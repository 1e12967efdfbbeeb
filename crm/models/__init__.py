"""Record models: fields, choices, limits and constraints. Imports take every limit they enforce from here."""

from crm.models.activity import Activity
from crm.models.api_key import ApiKey
from crm.models.company import Company
from crm.models.contact import Contact
from crm.models.deal import Deal
from crm.models.membership import Membership
from crm.models.pipeline import Pipeline, Stage
from crm.models.tenant import Tenant

__all__ = ["Activity", "ApiKey", "Company", "Contact", "Deal", "Membership", "Pipeline", "Stage", "Tenant"]

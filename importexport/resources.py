"""Resources of the four entities. Each column is declared once, in the contract's order."""

from collections.abc import Mapping
from typing import ClassVar

from crm.models import Activity, Company, Contact, Deal
from importexport.columns.fields import Column
from importexport.columns.references import CompanyByName, ContactByEmail, DealByName, PipelineByName, StageByName
from importexport.columns.widgets import (
    ActivityStatus,
    Amount,
    Choice,
    Currency,
    Day,
    Email,
    Moment,
    StageProbability,
    Tags,
    Text,
    Whole,
)
from importexport.engine.resource import EntityResource
from importexport.engine.spec import Key


class ContactResource(EntityResource):
    """Imports and exports contacts."""

    entity, noun = "contacts", "contact"
    keys = (Key("email", "email_key"),)
    known_by = (
        "first_name", "last_name", "email", "phone", "mobile", "company_name", "company_external_id", "company_domain",
    )  # fmt: skip
    filters = ("lifecycle_stage", "lead_source", "tags", "company_name", "country")

    first_name = Column(Text, Contact.first_name, required=True)
    last_name = Column(Text, Contact.last_name, required=True)
    email = Column(Email, Contact.email, required=True)
    phone = Column(Text, Contact.phone)
    mobile = Column(Text, Contact.mobile)
    title = Column(Text, Contact.title)
    department = Column(Text, Contact.department)
    company_name = Column(CompanyByName, Contact.company, shows="name")
    address = Column(Text, Contact.address)
    city = Column(Text, Contact.city)
    state = Column(Text, Contact.state)
    country = Column(Text, Contact.country)
    postal_code = Column(Text, Contact.postal_code)
    lifecycle_stage = Column(Choice, Contact.lifecycle_stage)
    lead_source = Column(Text, Contact.lead_source)
    tags = Column(Tags, Contact.tags)
    notes = Column(Text, Contact.notes)
    external_source = Column(Text, Contact.external_source, in_template=False)
    external_id = Column(Text, Contact.external_id, in_template=False)
    company_external_id = Column(Text, Contact.company, shows="external_id", in_template=False, finds="company_name")

    class Meta:
        model = Contact


class CompanyResource(EntityResource):
    """Imports and exports companies."""

    entity, noun = "companies", "company"
    keys = (Key("name", "name_key"), Key("domain", "domain_key"))
    filters = ("industry", "tags", "country")

    name = Column(Text, Company.name, required=True)
    domain = Column(Text, Company.domain)
    industry = Column(Text, Company.industry)
    description = Column(Text, Company.description)
    employee_count = Column(Whole, Company.employee_count)
    annual_revenue = Column(Amount, Company.annual_revenue)
    phone = Column(Text, Company.phone)
    website = Column(Text, Company.website)
    address = Column(Text, Company.address)
    city = Column(Text, Company.city)
    state = Column(Text, Company.state)
    country = Column(Text, Company.country)
    postal_code = Column(Text, Company.postal_code)
    tags = Column(Tags, Company.tags)
    notes = Column(Text, Company.notes)
    external_source = Column(Text, Company.external_source, in_template=False)
    external_id = Column(Text, Company.external_id, in_template=False)

    class Meta:
        model = Company


class DealResource(EntityResource):
    """Imports and exports deals."""

    entity, noun = "deals", "deal"
    keys = (Key("name", "name_key", {"pipeline_name": "pipeline_id"}),)
    filters = ("stage_name", "pipeline_name", "currency", "contact_email", "company_name")

    name = Column(Text, Deal.name, required=True)
    value = Column(Amount, Deal.value)
    currency = Column(Currency, Deal.currency)
    probability = Column(StageProbability, Deal.probability)
    expected_close_date = Column(Day, Deal.expected_close_date)
    stage_name = Column(StageByName, Deal.stage, shows="name")
    pipeline_name = Column(PipelineByName, Deal.pipeline, shows="name")
    contact_email = Column(ContactByEmail, Deal.contact, shows="email")
    company_name = Column(CompanyByName, Deal.company, shows="name")
    notes = Column(Text, Deal.notes)
    external_source = Column(Text, Deal.external_source, in_template=False)
    external_id = Column(Text, Deal.external_id, in_template=False)
    company_external_id = Column(Text, Deal.company, shows="external_id", in_template=False, finds="company_name")
    contact_external_id = Column(Text, Deal.contact, shows="external_id", in_template=False, finds="contact_email")

    class Meta:
        model = Deal
        # The pipeline before its stage, and the stage before the probability, whose default it provides.
        import_order = (
            "name", "value", "currency", "expected_close_date", "pipeline_name", "stage_name", "probability",
            "contact_email", "company_name", "notes",
        )  # fmt: skip


class ActivityResource(EntityResource):
    """Imports and exports activities."""

    entity, noun = "activities", "activity"
    keys = (
        Key(
            "subject",
            "subject_key",
            {
                "activity_type": "activity_type",
                "scheduled_at": "scheduled_at",
                "due_date": "due_date",
                "contact_email": "contact_id",
                "company_name": "company_id",
                "deal_name": "deal_id",
            },
            {"body": "body_digest", "completed_at": "completed_at"},
        ),
    )

    stand_ins: ClassVar[Mapping[str, str]] = {"subject": "activity_type"}
    filters = ("activity_type", "status", "priority", "contact_email", "company_name", "deal_name")

    activity_type = Column(Choice, Activity.activity_type, required=True)
    subject = Column(Text, Activity.subject, required=True)
    body = Column(Text, Activity.body)
    scheduled_at = Column(Moment, Activity.scheduled_at)
    completed_at = Column(Moment, Activity.completed_at)
    # After completed_at, which determines the default. Contact and company come before deal_name.
    status = Column(ActivityStatus, Activity.status)
    priority = Column(Choice, Activity.priority)
    due_date = Column(Day, Activity.due_date)
    contact_email = Column(ContactByEmail, Activity.contact, shows="email")
    company_name = Column(CompanyByName, Activity.company, shows="name")
    deal_name = Column(DealByName, Activity.deal, shows="name")
    external_source = Column(Text, Activity.external_source, in_template=False)
    external_id = Column(Text, Activity.external_id, in_template=False)
    company_external_id = Column(Text, Activity.company, shows="external_id", in_template=False, finds="company_name")
    contact_external_id = Column(Text, Activity.contact, shows="external_id", in_template=False, finds="contact_email")
    deal_external_id = Column(Text, Activity.deal, shows="external_id", in_template=False, finds="deal_name")

    class Meta:
        model = Activity


RESOURCES: dict[str, type[EntityResource]] = {
    resource.entity: resource for resource in (ContactResource, CompanyResource, DealResource, ActivityResource)
}

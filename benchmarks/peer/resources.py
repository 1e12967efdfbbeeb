"""ModelResources as the django-import-export docs recommend, for the seed's contact rules."""

from import_export import fields, resources, widgets
from import_export.instance_loaders import CachedInstanceLoader

from .models import Activity, Company, Contact, Deal

CONTACT_FIELDS = (
    "first_name",
    "last_name",
    "email",
    "phone",
    "mobile",
    "title",
    "department",
    "company",
    "address",
    "city",
    "state",
    "country",
    "postal_code",
    "lifecycle_stage",
    "lead_source",
    "tags",
    "notes",
)


class _ByName:
    """FK by name within the tenant; an unknown name is a row's validation error (stock: an error that rolls all back)."""

    tenant = None

    def get_queryset(self, value, row, *args, **kwargs):
        return self.model.objects.filter(tenant=self.tenant)

    def clean(self, value, row=None, **kwargs):
        try:
            return super().clean(value, row, **kwargs)
        except self.model.DoesNotExist:
            raise ValueError(f"{self.model.__name__} '{value}' not found")


class ByName(_ByName, widgets.ForeignKeyWidget):
    pass


class CachedByName(_ByName, widgets.CachedForeignKeyWidget):
    pass


class TenantResource(resources.ModelResource):
    def __init__(self, tenant, **kwargs):
        super().__init__(**kwargs)
        self.tenant = tenant
        for f in self.fields.values():
            if isinstance(f.widget, _ByName):
                f.widget.tenant = tenant

    def get_queryset(self):
        return super().get_queryset().filter(tenant=self.tenant)

    def before_import_row(self, row, **kwargs):
        for k, v in row.items():
            row[k] = v.strip() if v else ""

    def after_init_instance(self, instance, new, row, **kwargs):
        instance.tenant = self.tenant

    def skip_row(self, instance, original, row, import_validation_errors=None):
        return instance.pk is not None and not import_validation_errors  # a duplicate is skipped, not updated


class _Contact(TenantResource):
    def before_import_row(self, row, **kwargs):
        super().before_import_row(row, **kwargs)
        row["lifecycle_stage"] = row["lifecycle_stage"] or "lead"


class ContactDefaults(_Contact):
    """Stock defaults: row by row, HTML diff, no model validation."""

    company = fields.Field("company", "company_name", ByName(Company, "name"))

    class Meta:
        model = Contact
        import_id_fields = ("email",)
        fields = export_order = CONTACT_FIELDS


class ContactStock(ContactDefaults):
    """Stock defaults plus clean_model_instances: what it takes to enforce the seed's rules."""

    class Meta(ContactDefaults.Meta):
        clean_model_instances = True


class ContactTuned(_Contact):
    """Every speed option of the docs; field validation kept, per-row queries avoided."""

    company = fields.Field("company", "company_name", CachedByName(Company, "name"))

    class Meta:
        model = Contact
        import_id_fields = ("email",)
        fields = export_order = CONTACT_FIELDS
        use_bulk = True
        batch_size = 1000
        skip_diff = True
        report_skipped = False
        instance_loader_class = CachedInstanceLoader

    def before_import(self, dataset, **kwargs):
        self.seen = set()

    def skip_row(self, instance, original, row, import_validation_errors=None):
        if instance.email in self.seen:  # bulk_create would fail on the whole batch
            return True
        return super().skip_row(instance, original, row, import_validation_errors)

    def validate_instance(self, instance, import_validation_errors=None, validate_unique=True):
        super().validate_instance(instance, import_validation_errors)
        instance.clean_fields(exclude={"tenant", "company"})
        self.seen.add(instance.email)


class ContactTunedUnchecked(ContactTuned):
    """Tuned, without validation: the library's own cost."""

    def validate_instance(self, instance, import_validation_errors=None, validate_unique=True):
        super(ContactTuned, self).validate_instance(instance, import_validation_errors)
        self.seen.add(instance.email)


class CompanyStock(TenantResource):
    class Meta:
        model = Company
        import_id_fields = ("name",)
        exclude = ("id", "tenant", "created_at", "updated_at")
        clean_model_instances = True


class DealStock(TenantResource):
    contact = fields.Field("contact", "contact_email", ByName(Contact, "email"))
    company = fields.Field("company", "company_name", ByName(Company, "name"))

    class Meta:
        model = Deal
        import_id_fields = ("name",)
        exclude = ("id", "tenant", "created_at", "updated_at")
        clean_model_instances = True


class ActivityStock(TenantResource):
    contact = fields.Field("contact", "contact_email", ByName(Contact, "email"))
    company = fields.Field("company", "company_name", ByName(Company, "name"))
    deal = fields.Field("deal", "deal_name", ByName(Deal, "name"))

    class Meta:
        model = Activity
        import_id_fields = ("activity_type", "subject", "scheduled_at")
        exclude = ("id", "tenant", "created_at", "updated_at")
        clean_model_instances = True

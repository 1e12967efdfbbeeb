"""The form of a schedule. It offers the options that most need; others, which the API has set, stay as they are."""

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from crm.admin.base import TenantForm
from importexport.admin import labels, option_form
from importexport.engine.options import OF_UPDATES
from importexport.models import SavedMapping, Schedule
from importexport.net.addresses import NotAllowed
from importexport.schedules import managing
from importexport.schedules.addresses import SchedulesOff, masked
from importexport.schedules.cron import InvalidCron, check_cron, zone_of
from importexport.schedules.options import BOM, FORMAT, InvalidOptions, check_export, check_import

KINDS = [
    (Schedule.Kind.IMPORT, gettext_lazy("Import a file from the address")),
    (Schedule.Kind.EXPORT, gettext_lazy("Export a file to the address")),
]
OF_IMPORTS = ("mode", "blank", "missing")
FORMATS = [
    ("csv", gettext_lazy("CSV")),
    ("csv-excel", gettext_lazy("CSV for Excel")),
    ("xlsx", gettext_lazy("Excel (XLSX)")),
]


def select(label: Any, choices: Any, **more: Any) -> forms.ChoiceField:
    """Return a field with a list of values."""
    return forms.ChoiceField(label=label, choices=choices, widget=UnfoldAdminSelectWidget(), **more)


def text(label: Any, help_text: Any, **more: Any) -> forms.CharField:
    """Return a field for a line of text."""
    return forms.CharField(label=label, help_text=help_text, widget=UnfoldAdminTextInputWidget(), **more)


class ScheduleForm(TenantForm):
    """Form for a schedule. ``chosen`` are the options, once the form is clean."""

    kind = select(gettext_lazy("What it does"), KINDS)
    entity = select(gettext_lazy("Records"), list(labels.ENTITIES.items()), initial="contacts")
    address = text(
        gettext_lazy("Address"),
        gettext_lazy(
            "Where the file is: https://… or s3://bucket/folder/file. {date} and {time} stand for the day and the time."
            " A password (https://name:password@…) is not shown again: *** stands for it, and keeps it if nothing else"
            " of the address is changed."
        ),
    )
    cron = text(
        gettext_lazy("When"),
        gettext_lazy(
            "Minute, hour, day of the month, month and day of the week, where * is every one. 30 6 * * * is every day"
            " at 06:30, 0 7 * * 1-5 at 07:00 from Monday to Friday, */15 * * * * every 15 minutes."
        ),
    )
    time_zone = text(gettext_lazy("Time zone"), gettext_lazy("For the times above, such as Europe/Berlin."))
    mode = select(option_form.TITLES["mode"], list(option_form.VALUES["mode"].items()), required=False)
    blank = select(option_form.TITLES["blank"], list(option_form.VALUES["blank"].items()), required=False)
    missing = select(
        gettext_lazy("Names that do not exist yet"),
        [("reject", gettext_lazy("Reject their rows")), ("create", gettext_lazy("Create it"))],
        required=False,
        help_text=gettext_lazy("Companies, pipelines and stages that the file mentions."),
    )
    mapping = select(
        gettext_lazy("Columns"),
        [],
        required=False,
        help_text=gettext_lazy("A saved matching of columns, for files from other programs."),
    )
    file_format = select(gettext_lazy("File"), FORMATS, required=False)

    class Meta:
        model = Schedule
        fields = ("name", "kind", "entity", "address", "cron", "time_zone", "is_active")
        labels: ClassVar = {"name": gettext_lazy("Name"), "is_active": gettext_lazy("Switched on")}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.chosen: dict[str, Any] = {}
        schedule, stored = self.instance, self.instance.options or {}
        self.stored = Schedule(address=schedule.address) if schedule.pk else None
        self.kept = stored if schedule.pk else {}
        self.was = schedule.entity
        mapping = self.fields["mapping"]
        assert isinstance(mapping, forms.ChoiceField)
        mapping.choices = self._mappings(stored.get("mapping"))
        if schedule.pk:
            self.fields["kind"].disabled = True
            self.initial["address"] = masked(schedule.address)
            self.initial.update({name: stored[name] for name in OF_IMPORTS if name in stored})
            self.initial["mapping"] = stored["mapping"] if isinstance(stored.get("mapping"), str) else ""
            self.initial["file_format"] = "csv-excel" if stored.get(BOM) else stored.get(FORMAT, "csv")
        elif schedule.tenant_id:
            self.initial.setdefault("time_zone", schedule.tenant.timezone)

    def _mappings(self, stored: Any) -> list[tuple[str, Any]]:
        """Return the saved mappings to choose from. What the API has given otherwise can stay."""
        saved = SavedMapping.objects.filter(tenant=self.instance.tenant_id).order_by("entity", "name")
        titles = [(f"@{each.name}", f"{each.name} ({labels.ENTITIES[each.entity]})") for each in saved]
        plain = (
            _("None: the file has Rally’s own columns") if not isinstance(stored, dict) else _("As set through the API")
        )
        return [("", plain), *dict(titles).items()]

    # --- fields ---

    def clean_name(self) -> str:
        try:
            name = managing.check_name(self.cleaned_data["name"])
        except managing.InvalidSchedule as why:
            raise ValidationError(str(why)) from None
        if managing.is_taken(name, tenant_id=self.instance.tenant_id, but=self.instance.pk or 0):
            raise ValidationError(str(managing.Taken()))
        return name

    def clean_address(self) -> str:
        given = self.cleaned_data["address"]
        try:
            return managing.check_address(given, tenant=self.instance.tenant, stored=self.stored)
        except (NotAllowed, SchedulesOff) as why:
            raise ValidationError(str(why)) from None

    def clean_cron(self) -> str:
        try:
            return check_cron(self.cleaned_data["cron"])
        except InvalidCron as why:
            raise ValidationError(str(why)) from None

    def clean_time_zone(self) -> str:
        try:
            zone_of(self.cleaned_data["time_zone"])
        except InvalidCron as why:
            raise ValidationError(str(why)) from None
        return self.cleaned_data["time_zone"]

    # --- options ---

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        kind, entity = data.get("kind"), data.get("entity")
        if self.instance.pk is None and self.instance.tenant_id:
            try:
                managing.check_room(self.instance.tenant_id)
            except managing.TooManySchedules as why:
                raise ValidationError(str(why)) from None
        if not kind or not entity or self.errors:
            return data
        is_import = kind == Schedule.Kind.IMPORT
        options, check = (self._import(data), check_import) if is_import else (self._export(data), check_export)
        try:
            self.chosen = check(options, entity=entity, tenant=self.instance.tenant)
        except InvalidOptions as why:
            raise ValidationError(str(why)) from None
        return data

    def _others(self, data: dict[str, Any], *shown: str) -> dict[str, Any]:
        """Return the options that the API has set and the form does not show, unless they were for something else."""
        if self.was != data["entity"]:
            return {}
        return {name: value for name, value in self.kept.items() if name not in shown}

    def _import(self, data: dict[str, Any]) -> dict[str, Any]:
        others = self._others(data, *OF_IMPORTS, "mapping")
        chosen = {name: data[name] for name in OF_IMPORTS if data.get(name)}
        if data.get("mapping"):
            chosen["mapping"] = data["mapping"]
        elif isinstance(self.kept.get("mapping"), dict) and self.was == data["entity"]:
            chosen["mapping"] = self.kept["mapping"]
        if chosen.get("mode", "create") == "create":
            # The form submits the field also where it means nothing.
            others, chosen = ({k: v for k, v in each.items() if k not in OF_UPDATES} for each in (others, chosen))
        return others | chosen

    def _export(self, data: dict[str, Any]) -> dict[str, Any]:
        others = self._others(data, FORMAT, BOM)
        chosen = data.get("file_format") or "csv"
        return others | {FORMAT: chosen.partition("-")[0]} | ({BOM: True} if chosen == "csv-excel" else {})

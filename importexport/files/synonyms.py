"""What the headers of other programs, and people's own, call our columns: entity → column → names.

Only names that mean one column of the entity whoever wrote them: a contact's ``Account`` may be a company or a login,
so it is not here. They match as headers do, ignoring case, spaces, ``-`` and
``_``. A column's own name is not repeated here.
"""

from collections.abc import Mapping

Synonyms = Mapping[str, tuple[str, ...]]

_PLACES: Synonyms = {
    "address": (
        "Street", "Street 1", "Street Address", "Address Street", "Address 1", "Address Line", "Address Line 1",
        "Address 1 - Street", "Address 1: Street 1", "Business Street", "Business Address", "Work Address",
        "Straße", "Adresse", "Anschrift", "Dirección", "Rue", "Indirizzo",
    ),
    "city": (
        "Town", "City/Town", "Town/City", "Locality", "Address City", "Address 1 - City", "Address 1: City",
        "Business City", "Work City", "Ort", "Stadt", "Wohnort", "Ciudad", "Ville", "Città",
    ),
    "state": (
        "Province", "County", "Region", "State/Province", "State/Region", "State/County", "Prefecture", "Canton",
        "Address State", "Address 1 - Region", "Address 1: State/Province", "Business State", "Work State",
        "Bundesland", "Kanton", "Provincia",
    ),
    "country": (
        "Country/Region", "Country Name", "Nation", "Address Country", "Address 1 - Country",
        "Address 1: Country/Region", "Business Country", "Business Country/Region", "Work Country",
        "Land", "País", "País/región", "Pays", "Paese",
    ),
    "postal_code": (
        "Zip", "Zip Code", "Zip/Postal Code", "Postcode", "Postal", "Pin Code", "Eircode",
        "Address Postal Code", "Address 1 - Postal Code", "Address 1: ZIP/Postal Code", "Business Postal Code",
        "Work Zip", "Work Zip Code", "PLZ", "Postleitzahl", "Código postal", "Code postal",
    ),
}  # fmt: skip
_MAILING: Synonyms = {
    "address": ("Mailing Street", "Mailing Address Line 1"),
    "city": ("Mailing City",),
    "state": ("Mailing State", "Mailing State/Province"),
    "country": ("Mailing Country",),
    "postal_code": ("Mailing Zip", "Mailing Zip/Postal Code", "Mailing Postal Code"),
}
_BILLING: Synonyms = {
    "address": ("Billing Street", "Billing Address Line 1", "Billing Address Street"),
    "city": ("Billing City", "Billing Address City", "Company City"),
    "state": ("Billing State", "Billing State/Province", "Billing Address State", "Company State"),
    "country": ("Billing Country", "Billing Address Country", "Company Country"),
    "postal_code": ("Billing Zip", "Billing Zip/Postal Code", "Billing Postal Code", "Billing Address Postal Code"),
}
_PHONE = (
    "Phone Number", "Telephone", "Telephone Number", "Tel", "Tel.", "Phone No.", "Primary Phone", "Business Phone",
    "Office Phone", "Telefon", "Telefonnummer", "Teléfono", "Número de teléfono", "Téléphone", "Telefono",
)  # fmt: skip
_EMAIL = (
    "Email Address", "Mail", "Mail Address", "Email ID", "E-Mail-Adresse", "Mailadresse", "Correo",
    "Correo electrónico", "Courriel", "Adresse e-mail", "Indirizzo e-mail",
)  # fmt: skip
_COMPANY = (
    "Company", "Organization", "Organisation", "Organization Name", "Organisation Name", "Account Name",
    "Business Name", "Company / Account", "Firma", "Firmenname", "Unternehmen", "Empresa", "Nombre de la empresa",
    "Société", "Entreprise", "Azienda",
)  # fmt: skip
_ITS_COMPANY = (*_COMPANY, "Employer", "Associated Company", "Associated Company (Primary)")
_TAGS = ("Tag", "Labels", "Categories", "Keywords", "Schlagwörter", "Kategorien", "Etiquetas", "Étiquettes")
_NOTES = (
    "Note", "Comment", "Comments", "Remark", "Remarks", "Notiz", "Notizen", "Bemerkung", "Bemerkungen", "Kommentar",
    "Notas", "Commentaires",
)  # fmt: skip
_DESCRIPTION = ("Description", "Beschreibung", "Descripción", "Descrizione")


def _together(*tables: Synonyms) -> dict[str, tuple[str, ...]]:
    """Return one table of several."""
    columns = dict.fromkeys(column for table in tables for column in table)
    return {column: tuple(name for table in tables for name in table.get(column, ())) for column in columns}


SYNONYMS: Mapping[str, Synonyms] = {
    "contacts": _together(
        _PLACES,
        _MAILING,
        {
            "first_name": (
                "First", "Given Name", "Forename", "Christian Name", "FName", "Contact First Name", "Vorname", "Nombre",
                "Prénom",
            ),
            "last_name": (
                "Last", "Surname", "Family Name", "LName", "Contact Last Name", "Nachname", "Familienname", "Apellido",
                "Apellidos", "Nom de famille", "Cognome",
            ),
            "email": (
                *_EMAIL, "Email 1", "E-mail 1 - Value", "Primary Email", "Work Email", "Email Work", "Business Email",
                "Contact Email",
            ),
            "phone": (*_PHONE, "Phone 1", "Phone 1 - Value", "Work Phone", "Phone Work", "Contact Phone"),
            "mobile": (
                "Cell", "Cell Phone", "Cell Number", "Cellular", "Mobile Phone", "Mobile Number", "Mobile Phone Number",
                "Phone Mobile", "Mobile No.", "Handy", "Handynummer", "Mobil", "Mobiltelefon", "Mobilnummer", "Móvil",
                "Celular", "Cellulare",
            ),
            "title": (
                "Job Title", "Position", "Job Position", "Job Role", "Designation", "Organization Title",
                "Organization 1 - Title", "Berufsbezeichnung", "Cargo", "Puesto",
            ),
            "department": (
                "Dept", "Dept.", "Organization Department", "Organization 1 - Department", "Abteilung", "Departamento",
            ),
            "company_name": (*_ITS_COMPANY, "Organization 1 - Name"),
            "lifecycle_stage": ("Lifecycle",),
            "lead_source": ("Source", "Original Source", "Quelle"),
            "tags": _TAGS,
            "notes": (*_NOTES, *_DESCRIPTION),
        },
    ),
    "companies": _together(
        _PLACES,
        _BILLING,
        {
            "name": (*_COMPANY, "Company Name", "Account", "Unternehmensname", "Raison sociale", "Razón social"),
            "domain": ("Domain Name", "Company Domain", "Company Domain Name", "Web Domain", "Dominio"),
            "industry": ("Sector", "Industry Sector", "Business Sector", "Company Industry", "Branche", "Secteur"),
            "description": ("About", "Company Description", *_DESCRIPTION[1:]),
            "employee_count": (
                "Employees", "Number of Employees", "No. of Employees", "# Employees", "Headcount", "Staff Count",
                "Mitarbeiter", "Mitarbeiterzahl", "Anzahl Mitarbeiter", "Número de empleados",
            ),
            "annual_revenue": (
                "Revenue", "Yearly Revenue", "Turnover", "Annual Turnover", "Annual Sales", "Umsatz", "Jahresumsatz",
            ),
            "phone": (*_PHONE, "Main Phone", "Company Phone"),
            "website": (
                "Website URL", "Company Website", "Web", "Web Page", "Web Address", "URL", "Homepage", "Webseite",
                "Sitio web", "Site web", "Sito web",
            ),
            "tags": _TAGS,
            "notes": _NOTES,
        },
    ),
    "deals": {
        "name": (
            "Deal", "Deal Name", "Deal Title", "Title", "Topic", "Opportunity", "Opportunity Name", "Potential Name",
        ),
        "value": (
            "Amount", "Deal Value", "Deal Amount", "Deal Size", "Opportunity Amount", "Opportunity Value",
            "Est. Revenue", "Estimated Revenue", "Estimated Value", "Betrag", "Wert", "Importe", "Monto", "Montant",
        ),
        "currency": ("Currency Code", "Deal Currency", "Amount Currency", "Währung", "Moneda", "Devise"),
        "probability": (
            "Deal Probability", "Win Probability", "Close Probability", "Probability %", "Probability (%)",
            "Likelihood", "Wahrscheinlichkeit", "Probabilidad", "Probabilité",
        ),
        "expected_close_date": (
            "Close Date", "Closing Date", "Expected Close", "Expected Closing Date", "Est. Close Date",
            "Estimated Close Date", "Target Close Date", "Forecast Close Date", "Deal Close Date", "Abschlussdatum",
        ),
        "stage_name": (
            "Stage", "Deal Stage", "Sales Stage", "Pipeline Stage", "Opportunity Stage", "Phase", "Verkaufsphase",
            "Etapa", "Étape",
        ),
        "pipeline_name": ("Pipeline", "Deal Pipeline", "Sales Pipeline"),
        "contact_email": (
            *_EMAIL, "Email", "Primary Contact Email", "Associated Contact Email", "Customer Email", "Client Email",
        ),
        "company_name": (*_ITS_COMPANY, "Account"),
        "notes": (*_NOTES, *_DESCRIPTION),
    },
    "activities": {
        "activity_type": ("Type", "Task Type", "Kind", "Typ"),
        "subject": (
            "Title", "Topic", "Activity Subject", "Activity Name", "Activity Title", "Task Name", "Task Title",
            "Task Subject", "Betreff", "Asunto", "Sujet", "Objet", "Oggetto",
        ),
        "body": ("Notes", "Details", "Content", *_NOTES, *_DESCRIPTION, "Inhalt"),
        "scheduled_at": (
            "Scheduled", "Scheduled For", "Scheduled Date", "Scheduled Time", "Start", "Start Date", "Start Time",
            "Date Start", "Starts At", "Activity Date", "Beginn", "Termin", "Startdatum",
        ),
        "completed_at": (
            "Completed On", "Completed Date", "Completed Time", "Completion Date", "Date Completed", "Done At",
            "Finished At", "Closed Date", "Actual End", "Erledigt am",
        ),
        "status": ("Activity Status", "Task Status"),
        "priority": ("Activity Priority", "Task Priority", "Priorität", "Prioridad", "Priorité"),
        "due_date": (
            "Due", "Due On", "Due By", "Deadline", "Task Due Date", "Fällig am", "Fälligkeitsdatum",
            "Fecha de vencimiento", "Échéance",
        ),
        "contact_email": (*_EMAIL, "Email", "Primary Contact Email", "Associated Contact Email", "Customer Email"),
        "company_name": (*_ITS_COMPANY, "Account"),
        "deal_name": ("Deal", "Deal Title", "Related Deal", "Opportunity", "Opportunity Name"),
    },
}  # fmt: skip

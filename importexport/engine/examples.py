"""Example values for column help and the API description."""

from importexport.engine.resource import EntityResource

_VALUES = {
    "first_name": "Ada",
    "last_name": "Lovelace",
    "email": "ada@example.com",
    "phone": "+44 20 7946 0001",
    "company_name": "Analytical Engines Ltd",
    "name": "Analytical Engines Ltd",
    "domain": "example.com",
    "industry": "Software",
    "city": "London",
    "country": "United Kingdom",
    "subject": "First call",
    "stage_name": "Qualified",
    "pipeline_name": "Sales Pipeline",
    "contact_email": "ada@example.com",
    "notes": "Met at the fair, wants a demo",
}


def example_row(resource: type[EntityResource]) -> list[str]:
    """Return the cells of an example row."""
    return [_VALUES.get(name) or column.widget.example for name, column in resource.fields.items()]

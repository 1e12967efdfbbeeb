"""`manage.py mappings list --tenant acme`, and commands for a single mapping."""

from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from crm.management.base import RallyCommand, UserError, add_tenant_argument, find_tenant, with_examples
from crm.management.output import add_json_argument, minute, print_json, print_table
from crm.models import Tenant
from importexport import mappings
from importexport.engine.options import OBJECTS, OptionError, read_value
from importexport.engine.spec import EntitySpec
from importexport.management.option_arguments import add_option_arguments, given_options
from importexport.models import SavedMapping
from importexport.resources import RESOURCES

HEADINGS = ("ENTITY", "NAME", "SAYS", "SAVED", "LAST USED")


class Command(RallyCommand):
    """List, show, save and delete mappings."""

    help = "List, show, save and delete mappings, which imports use by --mapping @NAME: list, show, save, delete."
    examples = (
        "manage.py mappings list --tenant acme --entity contacts",
        "manage.py mappings show contacts newsletter --tenant acme",
        "manage.py mappings save contacts newsletter --tenant acme --source mailchimp --mapping '{\"Size\": null}'",
        "manage.py mappings delete contacts newsletter --tenant acme",
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="what", required=True, metavar="|".join(WHAT))
        for name, text in WHAT.items():
            examples = [line for line in self.examples if line.startswith(f"manage.py mappings {name} ")]
            described = f"{text[0].upper()}{text[1:]}."
            action = actions.add_parser(name, help=text, description=described, **with_examples(examples))
            if name != "list":
                action.add_argument("entity", choices=list(RESOURCES))
                action.add_argument("name", help="the name of the mapping: 1 to 50 of a-z, 0-9, _ and -")
            add_tenant_argument(action, option=True)
            ARGUMENTS[name](action)

    def handle(self, *, what: str, tenant: str, entity: str | None, **given: Any) -> None:
        owner = find_tenant(tenant)
        if what == "list":
            list_mappings(owner, entity, as_json=given["json"])
            return
        try:
            self._carry_out(what, owner, RESOURCES[entity or ""].describe(), given)
        except OptionError as error:
            raise UserError(str(error)) from None

    def _carry_out(self, what: str, owner: Tenant, spec: EntitySpec, given: dict[str, Any]) -> None:
        name = given["name"]
        if what == "save":
            body = {option: as_saved(option, text, spec) for option, text in given_options(given).items()}
            mappings.save_mapping(name, body, tenant=owner, spec=spec)
            self.stdout.write(f"Saved. Use it with: manage.py import {spec.entity} FILE --mapping @{name}")
            return
        found = mappings.find_mapping(name, tenant=owner, entity=spec.entity)
        if what == "show":
            print_json(mappings.mapping_json(found))
        else:
            found.delete()
            self.stdout.write("Deleted.")


def as_saved(option: str, text: str, spec: EntitySpec) -> Any:
    """Return an option as it is saved."""
    if option in OBJECTS and text.startswith(mappings.MARK):
        raise OptionError(f"'{option}' cannot be saved as the name of another mapping.")
    return read_value(option, text, spec) if option in OBJECTS else text


WHAT = {
    "list": "list the saved mappings",
    "show": "print a mapping as JSON",
    "save": "save options under a name, instead of those that it had",
    "delete": "delete a mapping; imports that have used it keep their options",
}


def add_list_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``mappings list``."""
    parser.add_argument("--entity", choices=list(RESOURCES), help="only mappings of this entity")
    add_json_argument(parser, "print a JSON array of mappings as the API returns them")


#: Adds the arguments of an action to its parser, besides the entity, the name and the tenant.
ARGUMENTS: dict[str, Callable[[ArgumentParser], None]] = {
    "list": add_list_arguments,
    "show": lambda parser: add_json_argument(parser, "print JSON, the only format of a mapping"),
    "save": lambda parser: add_option_arguments(parser, mappings.SAVED),
    "delete": lambda parser: None,
}


def list_mappings(tenant: Tenant, entity: str | None, *, as_json: bool) -> None:
    """Print a tenant's mappings, or those of an entity."""
    saved = SavedMapping.objects.filter(tenant=tenant, **({"entity": entity} if entity else {}))
    if as_json:
        print_json(list(map(mappings.mapping_json, saved)))
    else:
        print_table(HEADINGS, map(row_of, saved))


def row_of(mapping: SavedMapping) -> tuple[str, ...]:
    """Return the cells of a mapping's row."""
    says = ", ".join(name if name in OBJECTS else f"{name}={value}" for name, value in mapping.body.items())
    return mapping.entity, mapping.name, says, minute(mapping.saved_at), minute(mapping.used_at)

"""The --help of the commands: examples with their lines, and what an argument can be."""

import re

import pytest
from django.core.management import get_commands, load_command_class

from crm.management.base import RallyCommand, subparsers_of

OURS = [name for name, app in get_commands().items() if app in {"crm", "importexport", "rally"}]


def help_of(name):
    """Return the help of a command."""
    return load_command_class(get_commands()[name], name).create_parser("manage.py", name).format_help()


def test_there_are_commands():
    assert {"import", "export", "imports", "list_tenants", "serve"} <= set(OURS)


@pytest.mark.parametrize("name", OURS)
def test_help_ends_with_examples_a_line_each(name):
    command = load_command_class(get_commands()[name], name)
    assert isinstance(command, RallyCommand)
    assert command.examples
    assert all(f"manage.py {name}" in example for example in command.examples)
    assert help_of(name).endswith("\n\nExamples:\n" + "".join(f"  {example}\n" for example in command.examples))


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        (
            "import",
            [
                "{contacts,companies,deals,activities}",
                "{create,update,upsert}",
                "{reject,create}",
                "companies: name, domain",
            ],
        ),
        ("export", ["{contacts,companies,deals,activities}", "{csv,xlsx}", "lifecycle_stage"]),
        ("create_api_key", ["{read,write,admin}"]),
    ],
)
def test_help_lists_the_choices(name, choices):
    text = help_of(name)
    assert [choice for choice in choices if choice not in " ".join(text.split())] == []


@pytest.mark.parametrize("action", ["list", "show", "rows", "rejected", "undo", "apply"])
def test_help_of_a_subcommand_ends_with_an_example(action):
    command = load_command_class("importexport", "imports")
    texts = {
        parser.prog.split()[-1]: parser.format_help()
        for parser in subparsers_of(command.create_parser("manage.py", "imports"))
    }
    assert re.search(rf"\n\nExamples:\n  manage\.py imports {action} .*--tenant acme.*\n\Z", texts[action])

"""Makes the parameters and headers that several operations have into components, which all of them refer to."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator

from importexport.api.openapi.operation import Json

PARAMETERS, HEADERS = "parameters", "headers"


def share(paths: Json, responses: Json) -> Json:
    """Replace what is described in the same way more than once by references; return the components."""
    return share_parameters(paths) | share_headers(paths, responses)


def share_parameters(paths: Json) -> Json:
    """Replace parameters that several operations have; return the components.

    Where they are different parameters of a name, it is preceded by an operation: ``contacts_import_match_on``.
    """
    operations = [operation for item in paths.values() for operation in item.values()]
    users = defaultdict(list)
    for operation in operations:
        for each in operation.get(PARAMETERS, []):
            users[json.dumps(each)].append(operation["operationId"])
    shared = {text: ids[0] for text, ids in users.items() if len(ids) > 1}
    homonyms = Counter(json.loads(text)["name"] for text in shared)
    components: Json = {}
    for operation in operations:
        for index, each in enumerate(operation.get(PARAMETERS, [])):
            if first := shared.get(json.dumps(each)):
                name = each["name"] if homonyms[each["name"]] == 1 else f"{first}_{each['name']}"
                operation[PARAMETERS][index] = reference(components, PARAMETERS, name, each)
    return {PARAMETERS: components}


def share_headers(paths: Json, responses: Json) -> Json:
    """Replace headers that several responses have; return the components."""
    found = [*responses.values(), *responses_of(paths)]
    uses = Counter(json.dumps(each) for one in found for each in one.get(HEADERS, {}).items())
    shared: Json = {}
    for response in found:
        for name, each in response.get(HEADERS, {}).items():
            if uses[json.dumps((name, each))] > 1:
                response[HEADERS][name] = reference(shared, HEADERS, name, each)
    return {HEADERS: shared}


def responses_of(paths: Json) -> Iterator[Json]:
    """Yield the responses of all operations that are not references."""
    for item in paths.values():
        for operation in item.values():
            yield from (response for response in operation["responses"].values() if "$ref" not in response)


def reference(shared: Json, kind: str, name: str, described: Json) -> Json:
    """Add a component and return a reference to it; raise ValueError if the name means something else already."""
    if shared.setdefault(name, described) != described:
        raise ValueError(f"Two {kind} would have the name {name}.")
    return {"$ref": f"#/components/{kind}/{name}"}

"""The first look at an upload: whether it is surely known what its columns are, or somebody has to say it."""

import codecs
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import BinaryIO, NamedTuple

from crm.matching import fold
from crm.models import Pipeline, Stage, Tenant
from importexport import mappings
from importexport.engine.found_values import NAMES, FoundValues
from importexport.engine.options import OF_FILES, OptionError, Options, from_kept, read_options
from importexport.engine.proposal import Enough, HeaderSample, Proposal, never, propose
from importexport.engine.reading import scorer
from importexport.engine.resource import EntityResource
from importexport.errors import FileError
from importexport.files.header import CARRIED, fold_cell, read_header
from importexport.files.opening import open_rows
from importexport.files.signatures import is_workbook
from importexport.history.repairs import with_rejected
from importexport.http.bodies import HEAD
from importexport.models import SavedMapping
from importexport.sources.reading import OURS

#: How many of the latest runs are searched for the one whose rejected rows a file has, and what it says about them: not
#: the encoding, for they are in a file of their own, which is UTF-8, nor what the form for a new file asks.
LATEST = 20
OF_ROWS = (*(name for name in OF_FILES if name not in {"encoding", "invalid"}), "saved_mapping")
#: How much of a file is decoded at a time, in bytes.
CHUNK = 1024 * 1024
#: The source of a file of which no program is known.
UNKNOWN = "auto"


class Look(NamedTuple):
    """The options with which a file is to be read, and whether it can be planned with them at once."""

    options: Options
    is_sure: bool


def first_look(file: BinaryIO, resource: EntityResource) -> Look:
    """Return what is known of an upload, which is read with the resource's options where it is ours.

    A mapping that was saved, and last used for the same headers, is used again; rejected rows that were corrected are
    read like the file that they come from. A file that nobody can read, or that has no rows, keeps the options:
    planning tells what is wrong with it.
    """
    if is_ours(file, resource):
        return Look(resource.options, is_sure=True)
    options = replace(resource.options, source=UNKNOWN)
    names = names_in_use(resource.tenant)
    try:
        proposal = proposed(file, resource, options, enough=partial(asks, options=options, names=names))
        if not proposal.total_rows:
            return Look(resource.options, is_sure=True)
        said = with_corrected(proposal, resource, options) or with_saved(proposal, resource, options)
        if said is None:
            return Look(options, not asks(proposal, options, names))
        proposal = proposed(file, resource, said, enough=partial(is_open, options=said, names=names))
    except FileError:
        return Look(resource.options, is_sure=True)
    return Look(said, not is_open(proposal, said, names))


def is_ours(file: BinaryIO, resource: EntityResource) -> bool:
    """Whether a file has only columns of ours, and all that it needs; the position in the file is left anywhere.

    One that is not in UTF-8 is not, for somebody has to say in which encoding it is.
    """
    file.seek(0)
    if not is_workbook(file.read(HEAD)) and not is_utf8(file):
        return False
    file.seek(0)
    try:
        header = read_header(open_rows(file, score=scorer(resource)).header, columns=list(resource.in_files))
    except FileError:
        return False
    is_known = bool(header.positions) and not any(header.dropped.values()) and not header.repeated
    return is_known and not header.missing(resource.needed_names(header.positions))


def is_utf8(file: BinaryIO) -> bool:
    """Whether a file is UTF-8 from its beginning to its end."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := file.read(CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def proposed(file: BinaryIO, resource: EntityResource, options: Options, *, enough: Enough = never) -> Proposal:
    """Return what a file would be read as with some options; see ``propose``, also for what is raised."""
    file.seek(0)
    return propose(file, type(resource)(resource.tenant, options=options), enough=enough)


def with_corrected(proposal: Proposal, resource: EntityResource, options: Options) -> Options | None:
    """Return the options with those by which a file was read whose rejected rows this one has; None if it has none."""
    labels = set(map(fold_cell, proposal.header))
    if not labels & CARRIED:
        return None
    runs = with_rejected(resource.tenant.pk, resource.entity)
    for run in runs.only("header", "options")[:LATEST]:
        if set(map(fold_cell, run.header.get("cells", ()))) - CARRIED == labels - CARRIED:
            earlier = from_kept(run.options)
            return replace(options, **{name: getattr(earlier, name) for name in OF_ROWS}) if earlier.reads else None
    return None


def with_saved(proposal: Proposal, resource: EntityResource, options: Options) -> Options | None:
    """Return the options with the mapping that was last used for a file's headers; None if there is none."""
    saved = mappings.last_used_for(proposal.header, tenant=resource.tenant, entity=resource.entity)
    return with_mapping(options, saved, resource) if saved else None


def with_mapping(options: Options, saved: SavedMapping, resource: EntityResource) -> Options | None:
    """Return the options with those of a saved mapping; None if it names what is no longer there."""
    try:
        read = read_options(mappings.as_texts(saved.body), resource.spec)
    except OptionError:
        return None
    given = {name: getattr(read, name) for name in mappings.SAVED}
    return replace(options, **given, saved_mapping=saved.name)


def asks(proposal: Proposal, options: Options, names: Mapping[str, Collection[str]]) -> bool:
    """Whether somebody has to say more about a file that nobody has said anything of; see ``is_open``."""
    return proposal.reading.source in (OURS, UNKNOWN) or is_open(proposal, options, names)


def is_open(proposal: Proposal, options: Options, names: Mapping[str, Collection[str]]) -> bool:
    """Whether somebody has to say more about a file: a question, a filled column or a value that nobody knows.

    ``names`` are the stages and pipelines in use.
    """
    if proposal.questions or any(is_unknown(header) and header.filled for header in proposal.headers):
        return True
    return any(unknown_values(values, options, names) for values in proposal.values)


def is_unknown(header: HeaderSample) -> bool:
    """Whether nobody knows a header, and nobody has said that it is not imported."""
    return not header.part.column and not header.part.why and not is_carried(header.part.header)


def is_carried(header: str) -> bool:
    """Whether a header is one that we have added to a file of rejected rows."""
    return fold_cell(header) in CARRIED


def names_in_use(tenant: Tenant) -> dict[str, dict[str, str]]:
    """Return the tenant's stages and pipelines, in order, by column: key and name."""
    stages = Stage.objects.filter(tenant=tenant).values_list("name", flat=True)
    pipelines = Pipeline.objects.filter(tenant=tenant).values_list("name", flat=True)
    return dict(zip(NAMES, ({fold(name): name for name in names} for names in (stages, pipelines)), strict=True))


def unknown_values(values: FoundValues, options: Options, names: Mapping[str, Collection[str]]) -> list[str]:
    """Return the values that are no choice, stage or pipeline of ours, the most frequent first.

    Those that somebody has given a meaning are known, and so are names that are to be created.
    """
    if values.column in names and options.missing == "create":
        return []
    given = (options.values or {}).get(values.column, {})
    unknown = [value for value in values.counts if value not in given and not is_known(values, value, names)]
    return sorted(unknown, key=lambda value: -values.counts[value])


def is_known(values: FoundValues, value: str, names: Mapping[str, Collection[str]]) -> bool:
    """Whether a value means a choice of ours, or the name of a stage or pipeline that there is."""
    if values.column in names:
        return fold(values.meanings[value]) in names[values.column]
    return values.is_choice(value)

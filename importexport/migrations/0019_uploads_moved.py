from django.core.management.base import CommandError
from django.db import migrations, transaction

from importexport.errors import StorageUnavailable, UploadLost
from importexport.files import storage

#: The size of a part in bytes.
PART = 1024 * 1024
STOPPED = "{error} ({error.reason}) Uploads that are not moved yet are where they were; run manage.py migrate again."


def move(apps, schema_editor):
    """Copy each upload into the storage, a part at a time, and only then delete its parts."""
    parts = apps.get_model("importexport", "UploadPart").objects
    runs = apps.get_model("importexport", "ImportRun").objects
    for run in list(parts.order_by().values_list("run", flat=True).distinct()):
        own = parts.filter(run=run)
        (tenant,) = runs.filter(pk=run).values_list("tenant", flat=True)
        name = f"{tenant}/{run}"
        positions = list(own.order_by("position").values_list("position", flat=True))
        try:
            storage.write(name, (bytes(own.get(position=position).content) for position in positions))
        except StorageUnavailable as error:
            raise CommandError(STOPPED.format(error=error)) from error
        with transaction.atomic():
            runs.filter(pk=run).update(upload_name=name)
            own.delete()


def move_back(apps, schema_editor):
    """Copy each upload out of the storage, a part at a time, and only then delete its file."""
    parts = apps.get_model("importexport", "UploadPart").objects
    runs = apps.get_model("importexport", "ImportRun").objects
    moved = runs.exclude(upload_name="").values_list("pk", "tenant", "upload_name", "size", "sha256")
    for run, tenant, name, size, sha256 in list(moved):
        try:
            file = storage.open_stored(name, storage.Stored(size or 0, sha256))
        except UploadLost:
            continue
        except StorageUnavailable as error:
            raise CommandError(STOPPED.format(error=error)) from error
        with file, transaction.atomic():
            for position, content in enumerate(iter(lambda: file.read(PART), b"")):
                parts.create(tenant_id=tenant, run_id=run, position=position, content=content)
            runs.filter(pk=run).update(upload_name="")
        storage.discard(name)


class Migration(migrations.Migration):
    """Uploads are in the storage, which is asked for nothing if there are none."""

    # Each upload is a transaction. Whatever stops it, it can be run again.
    atomic = False

    dependencies = [("importexport", "0018_upload_name")]

    operations = [migrations.RunPython(move, move_back, elidable=True)]

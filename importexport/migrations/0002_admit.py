"""The function that every request begins with. A function, because PostgreSQL keeps its plan: planning the same
statements anew takes three times as long as carrying them out."""

from django.db import migrations

CREATE = """
CREATE FUNCTION importexport_admit(
    wanted text,
    OUT key_name text, OUT key_scope text, OUT tenant bigint, OUT slug text, OUT tenant_name text, OUT currency text,
    OUT timezone text, OUT requests integer, OUT window_end bigint, OUT seconds_left float
)
LANGUAGE plpgsql AS $$
DECLARE
    key crm_apikey;
    minute CONSTANT interval := '60 s';
    window_start timestamptz;
BEGIN
    SELECT * INTO key FROM crm_apikey k
    WHERE k.digest = wanted AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now());
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT key.name, key.scope, t.id, t.slug, t.name, t.currency, t.timezone
    INTO key_name, key_scope, tenant, slug, tenant_name, currency, timezone
    FROM crm_tenant t WHERE t.id = key.tenant_id;

    -- A window that begins far in the future was made before the clock was set back.
    INSERT INTO importexport_ratewindow AS w (tenant_id, started_at, requests) VALUES (tenant, now(), 1)
    ON CONFLICT (tenant_id) DO UPDATE SET
        started_at = CASE WHEN w.started_at > now() - minute AND w.started_at < now() + minute
                          THEN w.started_at ELSE now() END,
        requests   = CASE WHEN w.started_at > now() - minute AND w.started_at < now() + minute
                          THEN w.requests + 1 ELSE 1 END
    RETURNING w.requests, w.started_at INTO requests, window_start;
    window_end := ceil(extract(epoch FROM window_start + minute));
    seconds_left := extract(epoch FROM window_start + minute - now());

    -- One write a minute rather than one a request: unlike the one above, it has to wait for the disk.
    IF key.last_used_at IS NULL OR key.last_used_at < now() - minute THEN
        UPDATE crm_apikey k SET last_used_at = now() WHERE k.id = key.id;
    END IF;
END
$$
"""


class Migration(migrations.Migration):
    dependencies = [("importexport", "0001_initial"), ("crm", "0001_initial")]

    operations = [
        migrations.RunSQL(CREATE, "DROP FUNCTION importexport_admit(text)"),
    ]

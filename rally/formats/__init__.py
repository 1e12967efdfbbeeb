"""How pages write dates, times and numbers, by the tenant's locale: 15 Jun 2025, 14:05 CEST, and 1,234.50 or 1.234,50.

Each package has the name of a locale (crm.models.tenant.LOCALES). Pages are in English in all of them, and months have
names, so that no date is taken for another."""

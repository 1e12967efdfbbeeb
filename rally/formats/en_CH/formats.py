"""What is usual in Switzerland (CLDR)."""

THOUSAND_SEPARATOR = "’"
DATE_INPUT_FORMATS = ["%Y-%m-%d", "%d.%m.%Y", "%d %b %Y", "%d %B %Y"]

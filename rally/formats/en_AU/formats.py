"""What is usual in Australia (CLDR)."""

TIME_FORMAT = "g:i A T"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "j M Y, g:i A T"
DATE_INPUT_FORMATS = ["%Y-%m-%d", "%d/%m/%Y", "%d %b %Y", "%d %B %Y"]

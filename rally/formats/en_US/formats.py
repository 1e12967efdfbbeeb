"""What is usual in the United States (CLDR)."""

DATE_FORMAT = SHORT_DATE_FORMAT = "M j, Y"
TIME_FORMAT = "g:i A T"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "M j, Y, g:i A T"
MONTH_DAY_FORMAT = "M j"
DATE_INPUT_FORMATS = ["%Y-%m-%d", "%m/%d/%Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y"]

"""Why a request can fail: the causes that the ``type`` of problem details names, and what a client can do about each.

`/api/docs/problems` and the examples in the OpenAPI description are made from this table.
"""

from enum import Enum, unique

#: Seconds after which a client may repeat a request that was only rejected temporarily.
SOON = 5
#: Status → what all its causes have in common, in the order in which a request is checked.
STATUSES = {
    401: "The request has no valid API key",
    429: "The tenant has made too many requests, or has too many in progress",
    403: "The API key is valid, but does not allow this",
    404: "There is nothing at this path",
    405: "The method is not allowed; the Allow header lists the allowed ones",
    406: "The Accept header excludes the media type of the response",
    408: "The upload stalled or took too long",
    409: "The request does not fit the state of what it is about, or its Idempotency-Key is in use",
    422: "The Idempotency-Key was used with a different request",
    415: "The body is not multipart/form-data, or the file is neither CSV nor a workbook",
    413: "The upload exceeds a size limit",
    416: "The Range header asks for what is not in the file",
    400: "The query, the form or the file is invalid",
    503: "Something that the request needs is unavailable for the moment",
    500: "A bug in the server; nothing was stored",
}


@unique
class Cause(Enum):
    """A cause: its status, its meaning, and what to do.

    Waiting helps against those with ``retry_after``, in seconds, which becomes the Retry-After header.
    """

    def __init__(self, status: int, meaning: str, advice: str, retry_after: int | None = None) -> None:
        self.status = status
        self.meaning = meaning
        self.advice = advice
        self.retry_after = retry_after

    @property
    def slug(self) -> str:
        """The anchor of the cause on the page of problems: ``file-too-large``."""
        return self.name.lower().replace("_", "-")

    # --- 401 ---
    MISSING_KEY = 401, "The request has no API key", "Send a key in the header X-Api-Key."
    INVALID_KEY = 401, "The key is malformed or unknown", "Check for a missing character, or use another key."
    EXPIRED_KEY = 401, "The key has expired", "Have a new key created."
    REVOKED_KEY = 401, "The key has been revoked", "Have a new key created."
    # --- 429: the header says when to try again ---
    RATE_LIMIT = (
        429,
        "The tenant has made more requests in a minute than it may",
        "Wait as long as Retry-After says. X-RateLimit-Remaining tells beforehand how many are left.",
        60,
    )
    TOO_MANY_AT_ONCE = (
        429,
        "The tenant has more requests in progress than its share of the server",
        "Wait as long as Retry-After says, and send fewer requests at the same time.",
        1,
    )
    TOO_MANY_WAITING = (
        429,
        "The tenant has as many imports waiting for a worker as it may",
        "Wait until some of them are done.",
        30,
    )
    # --- 403 ---
    OTHER_TENANT = (
        403,
        "The host names another tenant than the key's",
        "Use the host of the key's tenant, or one that names no tenant.",
    )
    SCOPE = 403, "The scope of the key does not include this", "Use a key with the scope that the detail names."
    FORBIDDEN = 403, "The request is not allowed", "Compare the request with the API's description."
    # --- 404 ---
    NO_SUCH_PATH = 404, "The path or the entity does not exist", "Compare the path with the API's description."
    NO_SUCH_IMPORT = 404, "The tenant has no import with this id", "Take the id from the list of imports."
    NO_SUCH_EXPORT = (
        404,
        "The tenant has no prepared export with this id (any more): files are kept for a day",
        "Ask for the export again.",
    )
    NO_SUCH_SOURCE = 404, "There is no program with this name", "Take the name from the list of sources."
    NO_SUCH_MAPPING = 404, "The tenant has saved no mapping of this name for the entity", "List the mappings."
    NO_SUCH_WEBHOOK = 404, "The tenant has no webhook with this id", "Take the id from the list of webhooks."
    NO_SUCH_SCHEDULE = 404, "The tenant has no schedule with this id", "Take the id from the list of schedules."
    NO_SUCH_DELIVERY = 404, "The webhook has no delivery with this id (any more)", "List the deliveries of the webhook."
    NO_SUCH_RECORD = 404, "The tenant has no record with this id", "Take the id from an export or a row of an import."
    NO_REJECTED_ROWS = 404, "The import has rejected no rows", "There is nothing to correct."
    REJECTED_ROWS_EXPIRED = (
        404,
        "The rejected rows were deleted after the time for which they are kept",
        "Import the original file again.",
    )
    # --- 405, 406, 408 ---
    METHOD_NOT_ALLOWED = 405, "The path does not have this method", "Use a method from the Allow header."
    NOT_ACCEPTABLE = (
        406,
        "The Accept header excludes the media type of the response",
        "Send the media type that the detail names, */*, or no Accept header.",
    )
    UPLOAD_STALLED = 408, "No byte of the body arrived for too long", "Send the request again."
    UPLOAD_TOO_SLOW = 408, "The body took too long overall", "Send a smaller file, or use a faster connection."
    # --- 409 ---
    IDEMPOTENCY_KEY_IN_USE = (
        409,
        "The first request with this Idempotency-Key is still in progress",
        "Send the request again later: it will get the first response.",
        SOON,
    )
    PLAN_BEING_MADE = 409, "The plan is still being made", "Apply it once its status is planned.", SOON
    PLAN_BEING_APPLIED = (
        409,
        "The plan is being applied by another request",
        "Wait until the status of the import is done.",
        SOON,
    )
    PLAN_ALREADY_APPLIED = 409, "The plan was applied before", "Look at the import for its result."
    PLAN_MADE_AGAIN = (
        409,
        "The plan was made again while it was to be applied",
        "Look at the plan again, then apply it.",
    )
    FIXES_CHANGED = (
        409,
        "Somebody has changed rows of the plan in the admin, and the file was not checked again since",
        "Have the file checked again in the admin, or plan it anew.",
    )
    PLAN_NO_LONGER_HOLDS = (
        409,
        "The plan would now do something else than it says, because records have changed",
        "Plan the file again, look at the plan, and apply that one.",
    )
    PLAN_FAILED = (
        409,
        "The file of the plan failed, so there is nothing to apply",
        "Correct the file and plan it again.",
    )
    UPLOAD_LOST = (
        409,
        "The file of the plan is not in the storage any more, or was changed there",
        "Plan the file again, and tell who operates the server.",
    )
    WEBHOOK_TAKEN = 409, "The tenant has a webhook with this URL", "Change that webhook, or use another URL."
    TOO_MANY_WEBHOOKS = 409, "The tenant has as many webhooks as it may", "Delete one that is not needed."
    WEBHOOK_OFF = 409, "The webhook is switched off", "Switch it on first: PUT it with isActive true."
    SCHEDULES_OFF = (
        409,
        "The server has no schedules: its setting names no places that they may use",
        "Ask who operates the server to set RALLY_SCHEDULE_HOSTS.",
    )
    SCHEDULE_TAKEN = 409, "The tenant has a schedule with this name", "Change that schedule, or use another name."
    TOO_MANY_SCHEDULES = 409, "The tenant has as many schedules as it may", "Delete one that is not needed."
    SCHEDULE_AT_WORK = (
        409,
        "What the schedule has started before has not ended",
        "Wait until its import or export has ended.",
        SOON,
    )
    NOT_A_PLAN = 409, "The file is being imported without a plan", "Nothing: only plans can be applied."
    EXPORT_NOT_READY = 409, "The file of the export is still being made", "Download it once its status is ready.", SOON
    EXPORT_FAILED = 409, "The export has failed, so there is no file", "Ask for the export again."
    CANCELLED = (
        409,
        "Somebody has cancelled the import while it was carried out",
        "Nothing was stored: import the file again if it is wanted.",
    )
    NOT_AT_WORK = 409, "The import is neither waiting nor in progress (any more)", "Look at the import for its result."
    NOTHING_TO_UNDO = 409, "The import has stored nothing (yet)", "Undo only imports with the status done."
    UNDO_EXPIRED = (
        409,
        "What the import changed was deleted after the time for which it is kept",
        "Correct the records by hand or with another import.",
    )
    # --- 422, 415, 413 ---
    IDEMPOTENCY_KEY_REUSED = (
        422,
        "The Idempotency-Key came with a different path, parameter, option or file within the last 24 hours",
        "Use a new key for each new request.",
    )
    UNSUPPORTED_MEDIA_TYPE = (
        415,
        "The body is not of the media type that the request takes",
        "Send a file in the field file of a form, as curl -F file=@contacts.csv does, and a mapping as JSON.",
    )
    NOT_CSV = 415, "The file is of another type: an archive, a PDF, an image", "Save it as CSV (UTF-8)."
    FILE_TOO_LARGE = 413, "The file exceeds the size limit", "Split the file, or use the command line."
    NO_SUCH_RANGE = (
        416,
        "The range begins after the end of the file",
        "Take the size from the export, or send no Range.",
    )
    NO_ROOM = (
        413,
        "The tenant's imports keep as many bytes as they may",
        "Discard plans that are not needed, or wait until older imports are purged.",
    )
    FORM_TOO_LARGE = 413, "The form has too much besides the file", "Send only the file and its options."
    # --- 400: the request ---
    MALFORMED_REQUEST = 400, "The request is malformed, or its Host is not served here", "Check the URL."
    UNKNOWN_PARAMETER = 400, "There is no such query parameter or form field", "Correct its name."
    REPEATED_PARAMETER = 400, "A query parameter or form field is given more than once", "Give each of them once."
    INVALID_PARAMETER = 400, "A query parameter has an invalid value", "Use one of the values that the detail names."
    INVALID_OPTION = (
        400,
        "An import option has an invalid value, or one without effect in this mode or for this entity",
        "Use one of the values that the detail names, or leave the option out.",
    )
    CONTRADICTORY_OPTION = (
        400,
        "The query and the form give an import option different values",
        "Give it in one of them.",
    )
    INVALID_IDEMPOTENCY_KEY = 400, "The Idempotency-Key is malformed", "Send 1 to 255 printable ASCII characters."
    INVALID_WEBHOOK = 400, "A webhook cannot have this URL, event or member", "Correct what the detail names."
    INVALID_SCHEDULE = 400, "A schedule cannot have this value or member", "Correct what the detail names."
    # --- 400: the form ---
    MALFORMED_BODY = (
        400,
        "The body ends too early, or is not what its headers say",
        "Have a library build the form, and send it completely.",
    )
    INVALID_FILE_NAME = 400, "The name of the file is malformed", "Send a plain filename."
    TRANSFER_ENCODING = 400, "The file is encoded as base64 or quoted-printable", "Send its bytes as they are."
    NO_FILE = 400, "The form has no file", "Send the file in the field file, with a file name."
    SEVERAL_FILES = 400, "The form has several files", "Send one request for each file."
    # --- 400: the file ---
    EMPTY_FILE = 400, "The file is empty", "Send a file with a header and rows."
    NO_HEADER = 400, "The file has no header", "Name the columns in its first row."
    TOO_MANY_COLUMNS = 400, "The header has too many columns", "Keep the columns that you want to import."
    MISSING_COLUMN = 400, "A required column is missing", "Add the columns that the detail names; see the template."
    REPEATED_COLUMN = 400, "A column occurs more than once in the header", "Remove or rename one of them."
    NOT_UTF8 = 400, "The file is not UTF-8", "Save it as CSV (UTF-8), or name its encoding."
    NOT_ENCODING = 400, "The file is not in the encoding that the request names", "Name its encoding, or none."
    BROKEN_QUOTING = 400, "A quoted cell does not end as it should", "Correct the row that the detail names."
    ENDLESS_RECORD = 400, "A row is longer than any row can be", "Look for a missing closing quote in that row."
    ENCRYPTED_WORKBOOK = 400, "The workbook is protected by a password", "Save it without one."
    DAMAGED_WORKBOOK = 400, "The workbook is damaged", "Open it in a spreadsheet program and save it again."
    OVERSIZED_WORKBOOK = 400, "The workbook would take too much memory or time", "Save the sheet as CSV (UTF-8)."
    SEVERAL_SHEETS = 400, "More than one sheet of the workbook has rows", "Name the sheet in the option sheet."
    UNKNOWN_SHEET = 400, "The workbook has no sheet of that name", "Use one of the names that the detail lists."
    FORMULA_WITHOUT_VALUE = (
        400,
        "A formula of the workbook has no stored value",
        "Open the workbook in a spreadsheet program and save it again.",
    )
    # --- 400: what has to be decided about another program's file ---
    SOURCE_UNCLEAR = 400, "The header fits several programs equally", "Name the program that wrote it as source."
    SOURCE_WITHOUT_ENTITY = (
        400,
        "The program that source names has no export of the entity that is known here",
        "Use source=auto, or say with mapping which header is which column.",
    )
    OTHER_ENTITY = (
        400,
        "The file has the records of another entity",
        "Send it to the path of that entity, or say with mapping which header is which column.",
    )
    MAPPING_WITHOUT_HEADER = (
        400,
        "The mapping names a header that the file does not have",
        "Correct the mapping; the detail lists the headers of the file.",
    )
    TWO_HEADERS = 400, "Two headers give the same column", "Say with mapping which of them is not imported."
    DATES_UNDECIDED = 400, "No date of a column says which comes first, day or month", "Say it with dates."
    DECIMALS_UNDECIDED = 400, "No number of a column says what its decimal separator is", "Say it with decimal."
    FAILED_FILE = 400, "The file of a plan that was resumed cannot be imported", "Correct what the detail names."
    # --- 503, 500 ---
    BUSY = (
        503,
        "Another import, or somebody else, blocks the same records",
        "Send the request again later: nothing was stored.",
        SOON,
    )
    TOO_MANY_DOWNLOADS = (
        503,
        "The server makes as many files as it may at the same time, of the tenant or of all",
        "Wait as long as Retry-After says, and download fewer files at the same time.",
        SOON,
    )
    TOO_MANY_STREAMS = (
        503,
        "The server tells as many clients of imports as it can, of the tenant or of all",
        "Look at the import every few seconds instead.",
        SOON,
    )
    DATABASE_UNAVAILABLE = 503, "The database cannot be reached, or cannot store anything", "Try again later.", SOON
    STORAGE_UNAVAILABLE = (
        503,
        "The storage of uploaded files cannot be used, or has no space left",
        "Send the request again later: nothing was stored.",
        SOON,
    )
    NOT_READY = 503, "The server has just started, or its database is not ready", "Try again later.", SOON
    INTERNAL_ERROR = 500, "A bug in the server", "Report it with the X-Request-Id of the response."


def cause_of(code: str) -> Cause | None:
    """Return the cause that a code of ours or of DRF's means, or None."""
    name = code.upper()
    return Cause.__members__.get(OF_DRF.get(name, name))


#: Code of DRF's exceptions → the name of the cause, where they differ.
OF_DRF = {
    "NOT_AUTHENTICATED": "MISSING_KEY",
    "AUTHENTICATION_FAILED": "INVALID_KEY",
    "PERMISSION_DENIED": "FORBIDDEN",
    "NOT_FOUND": "NO_SUCH_PATH",
    "PARSE_ERROR": "MALFORMED_BODY",
    "INVALID": "INVALID_PARAMETER",
    "THROTTLED": "RATE_LIMIT",
    "ERROR": "INTERNAL_ERROR",
}

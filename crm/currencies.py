"""The currencies of ISO 4217, and the signs that people write for them."""

import iso4217

#: ISO 4217 codes in current use.
CURRENCIES = frozenset(currency.code for currency in iso4217.Currency)
_DOLLARS = (
    "ARS AUD BBD BMD BND BSD BZD CAD CLP COP CUP DOP FJD GYD HKD JMD KYD LRD MXN NAD NZD SBD SGD SRD TTD TWD USD UYU"
    " XCD"
)
#: Sign → the currencies that it may stand for.
SIGNS: dict[str, frozenset[str]] = {
    sign: frozenset(codes.split())
    for sign, codes in {
        "$": _DOLLARS, "US$": "USD", "C$": "CAD NIO", "CA$": "CAD", "A$": "AUD", "AU$": "AUD", "NZ$": "NZD",
        "HK$": "HKD", "S$": "SGD", "Mex$": "MXN", "R$": "BRL", "€": "EUR", "£": "GBP EGP FKP GIP LBP SDG SHP SSP SYP",
        "¥": "JPY CNY", "₹": "INR", "₺": "TRY", "₽": "RUB", "₩": "KRW", "₪": "ILS", "₴": "UAH", "฿": "THB",
        "kr": "SEK NOK DKK ISK", "zł": "PLN", "Kč": "CZK", "Ft": "HUF", "Fr": "CHF", "Rs": "INR PKR LKR NPR MUR SCR",
    }.items()
}  # fmt: skip


def meant_by(sign: str) -> frozenset[str]:
    """Return the currencies that a sign or code beside an amount may stand for; none for a text that is neither."""
    plain = sign.rstrip(".")
    return SIGNS.get(plain, frozenset({plain} & CURRENCIES))

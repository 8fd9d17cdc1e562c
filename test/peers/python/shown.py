"""How a value that a reader gave is written down, so that readers can be compared: text for integers, decimals and times
(instants as in UTC), hex digits for bytes; the rest as in JSON."""
import datetime
import decimal
import uuid


def shown(value):
    if isinstance(value, (bytes, bytearray)):
        return value.hex().upper()
    if type(value) is int or isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, decimal.Decimal):
        text = f"{value:f}"  # normalize() would round to 28 digits
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, dict):
        return {name: shown(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [shown(part) for part in value]
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None).isoformat()
    return value.isoformat() if hasattr(value, "isoformat") else value

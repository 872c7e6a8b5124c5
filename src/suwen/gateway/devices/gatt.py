"""Bytes of Bluetooth health devices: the characteristics of the GATT health profiles.

`decode` gives every field by name; `samples` gives what can be kept. Values that are no numbers
(NaN, NRes, +INF, -INF) are texts in the one and refused in the other. Time stamps are local times
without a zone.

Reference: Bluetooth SIG GATT specification supplement (characteristics 2A1C, 2A18, 2A35, 2A37,
2A5E, 2A5F, 2A9C, 2A9D, 2AA7); IEEE 11073-20601 SFLOAT-Type and FLOAT-Type.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from suwen.core.errors import BadInput

Fields = dict[str, Any]
SPECIAL: Final = {-1: "NaN", 0: "NRes", 1: "NaN", -2: "+INF", 2: "-INF"}
"""Reserved mantissas, counted from the largest negative one (0x800); 0x801 is for future use."""
NAMES: Final = frozenset(("NaN", "NRes", "+INF", "-INF"))


class Octets:
    """Reads fields from bytes, least significant octet first.

    Raises
    ------
    BadInput
        From every method: there are fewer bytes than the flags promise.
    """

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    @property
    def left(self) -> int:
        """Bytes not read yet."""
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        """Return the next bytes."""
        if self.left < size:
            raise BadInput(
                f"{len(self._data)} bytes, {size - self.left} fewer than their flags say",
                "a whole characteristic value",
                "",
            )
        self._at += size
        return self._data[self._at - size : self._at]

    def unsigned(self, size: int) -> int:
        """Return an unsigned integer of `size` octets."""
        return int.from_bytes(self.take(size), "little")

    def signed(self, size: int) -> int:
        """Return a signed integer of `size` octets."""
        return int.from_bytes(self.take(size), "little", signed=True)

    def sfloat(self) -> float | str:
        """Return an IEEE 11073 SFLOAT: 4 bits exponent, 12 bits mantissa; a name for no number."""
        return _decimal(self.unsigned(2), 12, 4)

    def float32(self) -> float | str:
        """Return an IEEE 11073 FLOAT: 8 bits exponent, 24 bits mantissa; a name for no number."""
        return _decimal(self.unsigned(4), 24, 8)

    def time(self) -> str:
        """Return the seven octets of a date and time as an ISO text without zone; may be empty."""
        year = self.unsigned(2)
        month, day, hour, minute, second = self.take(5)
        try:
            return datetime(year, month, day, hour, minute, second).isoformat()
        except ValueError:
            return ""

    def status(self, size: int) -> Fields:
        """Return a bit field: the number and the places of its ones."""
        raw = self.unsigned(size)
        return {"raw": raw, "bits": [place for place in range(8 * size) if raw >> place & 1]}


def _decimal(raw: int, mantissa_bits: int, exponent_bits: int) -> float | str:
    half = 1 << (mantissa_bits - 1)
    mantissa = raw & (2 * half - 1)
    exponent = raw >> mantissa_bits
    special = SPECIAL.get(mantissa - half)
    if special is not None and exponent == 0:
        return special
    if mantissa >= half:
        mantissa -= 2 * half
    if exponent >= 1 << (exponent_bits - 1):
        exponent -= 1 << exponent_bits
    return float(Decimal(mantissa).scaleb(exponent))


def _scaled(value: float | str, factor: str) -> float | str:
    """Return a value times a factor, exact in decimals; a name for no number as it is."""
    return value if isinstance(value, str) else float(Decimal(str(value)) * Decimal(factor))


def _blood_pressure(octets: Octets) -> Fields:
    flags = octets.unsigned(1)
    out: Fields = {"unit": "kPa" if flags & 1 else "mmHg"}
    for name in ("systolic", "diastolic", "mean_arterial_pressure"):
        out[name] = octets.sfloat()
    if flags & 2:
        out["timestamp"] = octets.time()
    if flags & 4:
        out["pulse_rate"] = octets.sfloat()
    if flags & 8:
        out["user_id"] = octets.unsigned(1)
    if flags & 16:
        out["measurement_status"] = octets.status(2)
    return out


def _heart_rate(octets: Octets) -> Fields:
    flags = octets.unsigned(1)
    out: Fields = {"heart_rate": octets.unsigned(2 if flags & 1 else 1)}
    out["sensor_contact"] = flags >> 1 & 3
    if flags & 8:
        out["energy_expended_kj"] = octets.unsigned(2)
    if flags & 16:
        ticks = [octets.unsigned(2) for _ in range(octets.left // 2)]
        out["rr_1024"] = ticks
        out["rr_seconds"] = [tick / 1024 for tick in ticks]
    return out


def _temperature(octets: Octets) -> Fields:
    flags = octets.unsigned(1)
    out: Fields = {"unit": "F" if flags & 1 else "C", "temperature": octets.float32()}
    if flags & 2:
        out["timestamp"] = octets.time()
    if flags & 4:
        out["temperature_type"] = octets.unsigned(1)
    return out


def _glucose(octets: Octets) -> Fields:
    flags = octets.unsigned(1)
    out: Fields = {
        "unit": "mol/L" if flags & 4 else "kg/L",
        "sequence_number": octets.unsigned(2),
        "base_time": octets.time(),
    }
    if flags & 1:
        out["time_offset_min"] = octets.signed(2)
    if flags & 2:
        out["glucose"] = octets.sfloat()
        if flags & 4:
            out["glucose_mmol_l"] = _scaled(out["glucose"], "1000")
        else:
            out["glucose_mg_dl"] = _scaled(out["glucose"], "100000")
        kind = octets.unsigned(1)
        out["type"], out["sample_location"] = kind & 15, kind >> 4
    if flags & 8:
        out["sensor_status"] = octets.status(2)
    if flags & 16:
        out["context_follows"] = True
    return out


def _plx_spot(octets: Octets) -> Fields:
    flags = octets.unsigned(1)
    out: Fields = {"spo2": octets.sfloat(), "pulse_rate": octets.sfloat()}
    out["clock_not_set"] = bool(flags & 16)
    if flags & 1:
        out["timestamp"] = octets.time()
    return out | _plx_end(octets, flags >> 1)


def _plx_continuous(octets: Octets) -> Fields:
    flags = octets.unsigned(1)
    out: Fields = {"spo2": octets.sfloat(), "pulse_rate": octets.sfloat()}
    for bit, name in ((1, "fast"), (2, "slow")):
        if flags & bit:
            out[f"spo2_{name}"] = octets.sfloat()
            out[f"pulse_rate_{name}"] = octets.sfloat()
    return out | _plx_end(octets, flags >> 2)


def _plx_end(octets: Octets, flags: int) -> Fields:
    out: Fields = {}
    if flags & 1:
        out["measurement_status"] = octets.status(2)
    if flags & 2:
        out["device_and_sensor_status"] = octets.status(3)
    if flags & 4:
        out["pulse_amplitude_index"] = octets.sfloat()
    return out


def _weight(octets: Octets) -> Fields:
    flags = octets.unsigned(1)
    imperial = flags & 1
    out: Fields = {"unit": "imperial" if imperial else "SI"}
    out["weight"] = _scaled(float(octets.unsigned(2)), "0.01" if imperial else "0.005")
    if flags & 2:
        out["timestamp"] = octets.time()
    if flags & 4:
        out["user_id"] = octets.unsigned(1)
    if flags & 8:
        out["bmi"] = _scaled(float(octets.unsigned(2)), "0.1")
        out["height"] = _scaled(float(octets.unsigned(2)), "0.1" if imperial else "0.001")
    return out


_BODY: Final = (
    (8, "basal_metabolism_kj", "1", "1"),
    (16, "muscle_percentage", "0.1", "0.1"),
    (32, "muscle_mass", "0.005", "0.01"),
    (64, "fat_free_mass", "0.005", "0.01"),
    (128, "soft_lean_mass", "0.005", "0.01"),
    (256, "body_water_mass", "0.005", "0.01"),
    (512, "impedance_ohm", "0.1", "0.1"),
    (1024, "weight", "0.005", "0.01"),
    (2048, "height", "0.001", "0.1"),
)
"""Flag, field, and what one step is in kg and m, and in lb and in."""


def _body_composition(octets: Octets) -> Fields:
    flags = octets.unsigned(2)
    imperial = flags & 1
    out: Fields = {"unit": "imperial" if imperial else "SI"}
    out["body_fat_percentage"] = _scaled(float(octets.unsigned(2)), "0.1")
    if flags & 2:
        out["timestamp"] = octets.time()
    if flags & 4:
        out["user_id"] = octets.unsigned(1)
    for bit, name, metric, customary in _BODY:
        if flags & bit:
            value = float(octets.unsigned(2))
            out[name] = _scaled(value, customary if imperial else metric)
    return out


_CGM_OCTETS: Final = ((128, "status_octet"), (64, "calibration_octet"), (32, "warning_octet"))


def _cgm(octets: Octets) -> Fields:
    records = []
    while octets.left:
        size = octets.unsigned(1)
        if size < 6:
            raise BadInput(f"a CGM record of {size} bytes", "6 bytes or more", "")
        one = Octets(octets.take(size - 1))
        flags = one.unsigned(1)
        out: Fields = {"size": size, "glucose_mg_dl": one.sfloat()}
        out["time_offset_min"] = one.unsigned(2)
        for bit, name in _CGM_OCTETS:
            if flags & bit:
                out[name] = one.unsigned(1)
        if flags & 1:
            out["trend_mg_dl_min"] = one.sfloat()
        if flags & 2:
            out["quality_percent"] = one.sfloat()
        records.append(out)
    return {"records": records}


_CHARACTERISTICS: Final[dict[str, Callable[[Octets], Fields]]] = {
    "2A18": _glucose,
    "2A1C": _temperature,
    "2A1E": _temperature,
    "2A35": _blood_pressure,
    "2A37": _heart_rate,
    "2A5E": _plx_spot,
    "2A5F": _plx_continuous,
    "2A9C": _body_composition,
    "2A9D": _weight,
    "2AA7": _cgm,
}
_BASE: Final = "-0000-1000-8000-00805F9B34FB"


def short_uuid(uuid: str) -> str:
    """Return the four digits of an assigned UUID: `0x2A37` and its long form are `2A37`."""
    plain = uuid.strip().upper().removesuffix(_BASE).removeprefix("0X")
    return plain.removeprefix("0000") if len(plain) == 8 else plain


def decode(uuid: str, data: bytes) -> Fields:
    """Return the fields of a characteristic value.

    Parameters
    ----------
    uuid
        Assigned number of the characteristic, such as `2A35`.
    data
        The value as sent: one notification or indication.

    Raises
    ------
    BadInput
        The characteristic is not known, or the bytes are fewer than their flags say.
    """
    read = _CHARACTERISTICS.get(short_uuid(uuid))
    if read is None:
        raise BadInput("a Bluetooth characteristic that is not known",
                       f"one of {', '.join(sorted(_CHARACTERISTICS))}", "")  # fmt: skip
    return read(Octets(data))

"""Units: convert_angle, convert_energy, convert_force, convert_length, convert_mass, convert_speed, convert_volume.

Source: the functions' pages (Kusto documentation) for the names of the units; the units' legal definitions, in the order of
operations in which UnitsNet (whose names they are) applies them: to the base unit, then from it. A unit that was given
different numbers over time (a gallon, an electron volt, ...) is known by name and refused.
"""

from __future__ import annotations

import re

from lurcher.functions.build import constant, fill, refuse
from lurcher.functions.registry import Nulls, scalar
from lurcher.sql import tree as t

_PREFIXES = {
    "Nano": "1e-9",
    "Micro": "1e-6",
    "Milli": "1e-3",
    "Centi": "1e-2",
    "Deci": "1e-1",
    "Deca": "1e1",
    "Hecto": "1e2",
    "Kilo": "1e3",
    "Mega": "1e6",
    "Giga": "1e9",
    "Tera": "1e12",
}


def _units(text: str) -> dict[str, tuple[str, str]]:
    """`Name=operations Prefix.Name ...` -> the operations, in order, that give the base unit; the prefix's factor."""
    found: dict[str, tuple[str, str]] = {}
    for word in text.split():
        names, _, operations = word.partition("=")
        *prefixes, name = names.split(".")
        found[name] = (operations, "")
        for prefix in prefixes:
            found[prefix + name[0].lower() + name[1:]] = (operations, _PREFIXES[prefix])
    return found


#: What is written once: exact in every version of every source.
_LENGTH = _units(
    "Nano.Micro.Milli.Centi.Deci.Deca.Hecto.Kilo.Meter= Yard=*0.9144 Foot=*0.3048 Inch=*2.54e-2 Mil=*2.54e-5"
    " Microinch=*2.54e-8 NauticalMile=*1852 Fathom=*1.8288 Shackle=*27.432 Hand=*1.016e-1 Chain=*20.1168 DataMile=*1828.8"
    " UsSurveyFoot=*1200/3937 DtpPoint=/72*2.54e-2 PrinterPoint=/72.27*2.54e-2 Angstrom=*1e-10"
)
_MASS = _units(
    "Nano.Micro.Milli.Centi.Deci.Deca.Hecto.Kilo.Gram=/1e3 Kilo.Mega.Tonne=*1e3 ShortTon=*907.18474 LongTon=*1016.0469088"
    " Kilo.Mega.Pound=*0.45359237 Ounce=*0.028349523125 Stone=*6.35029318 ShortHundredweight=*45.359237"
    " LongHundredweight=*50.80234544 Grain=*64.79891e-6 SolarMass=*1.98947e30"
)
_ANGLE = _units(
    "Nano.Micro.Milli.Degree= Nano.Micro.Milli.Centi.Deci.Radian=*180/pi Arcminute=/60 Arcsecond=/3600 Gradian=*0.9"
    " NatoMil=*9/160 Revolution=*360"
)
_ENERGY = _units(
    "Milli.Kilo.Mega.Giga.Joule= Kilo.Mega.Calorie=*4.184 Kilo.Mega.Giga.BritishThermalUnit=*1055.05585262 Erg=*1e-7"
    " Kilo.Mega.Giga.Tera.WattHour=*3600 Kilo.Mega.Giga.Tera.WattDay=*24*3600 Deca.ThermEc=*1.05505585262e8"
    " Deca.ThermUs=*1.054804e8 Deca.ThermImperial=*1.05505585257348e8"
)
_FORCE = _units("Micro.Milli.Deca.Kilo.Mega.Newton= Dyn=/1e5 Kilo.PoundForce=*4.4482216152605")
_SPEED = _units(
    "Nano.Micro.Milli.Centi.Deci.Kilo.MeterPerSecond= Nano.Micro.Milli.Centi.Deci.Kilo.MeterPerMinute=/60"
    " Milli.Centi.Kilo.MeterPerHour=/3600 FootPerSecond=*0.3048 FootPerMinute=*0.3048/60 FootPerHour=*0.3048/3600"
    " InchPerSecond=*2.54e-2 InchPerMinute=/60*2.54e-2 InchPerHour=/3600*2.54e-2 YardPerSecond=*0.9144"
    " YardPerMinute=*0.9144/60 YardPerHour=*0.9144/3600 UsSurveyFootPerSecond=*1200/3937"
    " UsSurveyFootPerMinute=*1200/3937/60 UsSurveyFootPerHour=*1200/3937/3600 MilePerHour=*0.44704"
)
_VOLUME = _units(
    "Micro.Milli.Centi.Deci.Deca.Hecto.Kilo.Mega.Liter=/1e3 Hecto.Kilo.CubicMeter= CubicKilometer=*1e9 CubicHectometer=*1e6"
    " CubicDecimeter=/1e3 CubicCentimeter=/1e6 CubicMillimeter=/1e9 CubicMicrometer=/1e18 AcreFoot=/0.000810714"
    " UsTablespoon=*1.478676478125e-5 AuTablespoon=*2e-5 MetricTeaspoon=*0.5e-5 UsTeaspoon=*4.92892159375e-6"
    " MetricCup=*0.00025 UsCustomaryCup=*0.0002365882365 UsLegalCup=*0.00024 OilBarrel=*0.158987294928"
    " ImperialBeerBarrel=*0.16365924 UsQuart=*9.46352946e-4 UsPint=*4.73176473e-4 ImperialPint=*5.6826125e-4"
)
#: kind -> units; units whose number differs between versions of its source; an example.
_KINDS: dict[str, tuple[dict[str, tuple[str, str]], str, tuple[str, str]]] = {
    "angle": (_ANGLE, "Tilt", ("convert_angle(1.2, 'Degree', 'Arcminute')", "72.0")),
    "energy": (
        _ENERGY,
        "ElectronVolt KiloelectronVolt MegaelectronVolt GigaelectronVolt TeraelectronVolt FootPound HorsepowerHour",
        ("convert_energy(1.5, 'KilowattHour', 'Joule')", "5400000.0"),
    ),
    "force": (
        _FORCE,
        "KilogramForce KiloPond OunceForce Poundal ShortTonForce TonneForce",
        ("convert_force(1.2, 'Newton', 'Decanewton')", "0.12"),
    ),
    "length": (
        _LENGTH,
        "Mile AstronomicalUnit LightYear KilolightYear MegalightYear Parsec Kiloparsec Megaparsec SolarRadius DtpPica"
        " PrinterPica Twip",
        ("convert_length(3, 'Kilometer', 'Meter')", "3000.0"),
    ),
    "mass": (_MASS, "EarthMass Slug", ("convert_mass(2, 'Kilogram', 'Gram')", "2000.0")),
    "speed": (_SPEED, "Knot", ("convert_speed(1.2, 'MeterPerSecond', 'CentimeterPerHour')", "432000.0")),
    "volume": (
        _VOLUME,
        "BoardFoot CubicFoot HectocubicFoot KilocubicFoot MegacubicFoot CubicInch CubicMile CubicYard UsGallon DecausGallon"
        " DeciusGallon HectousGallon KilousGallon MegausGallon ImperialGallon KiloimperialGallon MegaimperialGallon"
        " ImperialOunce UsOunce UsBeerBarrel UkTablespoon",
        ("convert_volume(1, 'CubicMeter', 'Liter')", "1000.0"),
    ),
}
_STEP = re.compile(r"([*/])([^*/]+)")


def _number(text: str) -> str:
    return "pi()" if text == "pi" else f"{float(text)!r}::DOUBLE"


def _applied(value: t.SqlExpr, unit: tuple[str, str], *, back: bool) -> t.SqlExpr:
    """To the base unit, or back from it: each step the other way round."""
    operations, prefix = unit
    steps = [(op, _number(number)) for op, number in _STEP.findall(operations)]
    if back:
        steps = [("/" if op == "*" else "*", number) for op, number in reversed(steps)]
    if prefix:
        steps.append(("/" if back else "*", _number(prefix)))
    for op, number in steps:
        value = fill(f"{{v}} {op} {number}", v=value)
    return value


def _convert(kind: str, value: t.SqlExpr, source: t.SqlExpr, target: t.SqlExpr) -> t.SqlExpr:
    known, varying, _ = _KINDS[kind]
    found: list[tuple[str, str]] = []
    for unit, parameter in ((source, "from"), (target, "to")):
        name = constant(f"convert_{kind}", parameter, unit)
        if name in known:
            found.append(known[name])
        elif name in varying.split():
            refuse(f"convert_{kind}(): which number the service has for the unit {name} is not published")
        elif name.lower() in {k.lower() for k in (*known, *varying.split())}:
            right = next(k for k in (*known, *varying.split()) if k.lower() == name.lower())
            refuse(f"convert_{kind}(): the unit {name} in this spelling", f"write {right}")
        else:
            return t.Cast(t.NULL, "DOUBLE")
    if found[0] == found[1]:
        return value
    return _applied(_applied(value, found[0], back=False), found[1], back=True)


for _kind, (_known, _varying, _example) in _KINDS.items():
    scalar(
        f"convert_{_kind}",
        "value: real, from: string, to: string",
        "real",
        f"A{'n' if _kind[0] in 'ae' else ''} {_kind} in another unit; null where there is no such unit.",
        lambda value, from_, to, kind=_kind: _convert(kind, value, from_, to),
        nulls=Nulls.MAYBE,
        example=_example,
    )

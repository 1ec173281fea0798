"""Made-up data sets for examples: the same arguments give the same bytes, on every machine and in every version.

Only `random.Random.random` is used, whose sequence Python promises to keep; NumPy makes no such promise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from random import Random
from typing import Any, Final, TypeAlias

Row: TypeAlias = tuple[Any, ...]

BIKE_COLUMNS: Final = (
    *("season", "month", "weekday", "holiday", "weather", "temperature", "humidity", "windspeed", "rentals"),
)
_FIRST_DAY: Final = date(2024, 1, 1)
_HOLIDAYS: Final = frozenset({(1, 1), (1, 15), (2, 19), (5, 27), (7, 4), (9, 2), (11, 28), (12, 25)})
_SEASONS: Final = ("winter", "spring", "summer", "fall")
_WEATHER_EFFECT: Final = {"clear": 1.0, "mist": 0.88, "rain": 0.55, "snow": 0.35}


def bike_rental(location: str, days: int = 730) -> bytes:
    """Daily rentals at one location, as CSV: seasonal, with a growth and a taste of its own per location.

    Args:
        location: any text; it is the seed.
        days: from 1 January 2024 on.
    """
    return _csv(BIKE_COLUMNS, _bike_rows(location, days))


def _bike_rows(location: str, days: int) -> Iterator[Row]:
    chance = Random(f"retrainctl bike rental {location}")  # noqa: S311 - made-up data, not a secret
    base = 45.0 + 120.0 * chance.random()
    commuters = chance.random()
    growth = -0.05 + 0.35 * chance.random()
    warmth = 0.35 + 0.4 * chance.random()
    shower = 0.6 + 0.8 * chance.random()
    for number in range(days):
        day = _FIRST_DAY + timedelta(days=number)
        season = math.sin((day.timetuple().tm_yday - 105) / 365.25 * 2 * math.pi)
        temperature = round(12.0 + 13.0 * season + 6.0 * _bell(chance), 1)
        humidity = round(min(100.0, max(20.0, 62.0 - 8.0 * season + 16.0 * _bell(chance))))
        wind = round(abs(11.0 + 6.0 * _bell(chance)), 1)
        weather = _weather(chance.random() + (humidity - 62) / 250, temperature)
        free = day.weekday() >= 5 or (day.month, day.day) in _HOLIDAYS
        pull = 1.25 - 0.65 * commuters if free else 0.85 + 0.35 * commuters
        comfort = 1.0 + warmth * min(1.0, max(-1.0, (temperature - 12.0) / 16.0)) - 0.012 * max(0.0, wind - 12.0)
        damp = _WEATHER_EFFECT[weather] ** shower
        expected = base * (1.0 + growth * number / 365.0) * pull * max(0.1, comfort) * damp
        rentals = max(0, round(expected * (1.0 + 0.11 * _bell(chance))))
        holiday = int((day.month, day.day) in _HOLIDAYS)
        name = _SEASONS[(day.month % 12) // 3]
        yield name, day.month, day.weekday(), holiday, weather, temperature, humidity, wind, rentals


def _weather(draw: float, temperature: float) -> str:
    if draw > 0.86:
        return "snow" if temperature < 1.0 else "rain"
    return "mist" if draw > 0.6 else "clear"


CENSUS_COLUMNS: Final = (
    *("age", "workclass", "education", "education-num", "marital-status", "occupation", "relationship", "race"),
    *("sex", "capital-gain", "capital-loss", "hours-per-week", "native-country", "income"),
)
_EDUCATION: Final = (("HS-grad", 9), ("Some-college", 10), ("Bachelors", 13), ("Masters", 14), ("Doctorate", 16))
_JOBS: Final = ("Other-service", "Sales", "Craft-repair", "Tech-support", "Exec-managerial", "Prof-specialty")


def census(seed: str = "2026", rows: int = 4000) -> bytes:
    """People with an income above or below 50 thousand, as CSV, in the columns of the well-known adult data set."""
    return _csv(CENSUS_COLUMNS, _census_rows(seed, rows))


def _census_rows(seed: str, rows: int) -> Iterator[Row]:
    chance = Random(f"retrainctl census {seed}")  # noqa: S311 - made-up data, not a secret
    for _ in range(rows):
        age = 17 + int(60 * chance.random() ** 1.25)
        education, years = _EDUCATION[_pick(chance, (0.4, 0.68, 0.89, 0.975))]
        job = _JOBS[min(5, int(6 * (0.62 * chance.random() + 0.38 * (years - 9) / 7)))]
        workclass = ("Private", "Self-emp", "Government", "Never-worked")[_pick(chance, (0.74, 0.86, 0.995))]
        sex = "Male" if chance.random() < 0.62 else "Female"
        marital, relationship = _home(chance, age, sex)
        hours = max(5, min(90, round(40 + 11 * _bell(chance) + 3 * (workclass == "Self-emp"))))
        gain = int(2000 + 13000 * chance.random()) if chance.random() < 0.07 else 0
        loss = int(1400 + 900 * chance.random()) if not gain and chance.random() < 0.04 else 0
        race = ("White", "Black", "Asian-Pac-Islander", "Other")[_pick(chance, (0.84, 0.94, 0.98))]
        country = ("United-States", "Mexico", "Canada", "Germany", "Other")[_pick(chance, (0.9, 0.93, 0.95, 0.97))]
        married = marital == "Married"
        leaning = (
            -3.5
            + 0.42 * (years - 10)
            + 0.35 * _JOBS.index(job)
            - ((age - 48) / 17) ** 2
            + (2.3 if married else -0.6)
            + 0.045 * (hours - 40) * (1.3 if married else 0.7)
            + 0.0004 * gain
            + 0.0006 * loss
        )
        income = ">50K" if chance.random() < 1 / (1 + math.exp(-1.35 * leaning)) else "<=50K"
        yield (
            *(age, workclass, education, years, marital, job, relationship, race),
            *(sex, gain, loss, hours, country, income),
        )


def _home(chance: Random, age: int, sex: str) -> tuple[str, str]:
    draw = chance.random()
    if age < 24 and draw < 0.75:
        return "Never-married", "Own-child"
    if draw < 0.52:
        return "Married", "Husband" if sex == "Male" else "Wife"
    if draw < 0.78:
        return "Never-married", "Not-in-family"
    return ("Divorced" if age < 60 or draw < 0.92 else "Widowed"), "Not-in-family"


CHURN_COLUMNS: Final = (
    *("tenure-months", "contract", "payment", "internet", "monthly-charges", "support-calls", "churned"),
)


def churn(seed: str = "2026", rows: int = 3000) -> bytes:
    """Customers of a telephone company who left it or not, as CSV."""
    return _csv(CHURN_COLUMNS, _churn_rows(seed, rows))


def _churn_rows(seed: str, rows: int) -> Iterator[Row]:
    chance = Random(f"retrainctl churn {seed}")  # noqa: S311 - made-up data, not a secret
    for _ in range(rows):
        tenure = 1 + int(71 * chance.random() ** 1.4)
        contract = _pick(chance, (0.55, 0.78))
        payment = _pick(chance, (0.35, 0.6, 0.8))
        internet = _pick(chance, (0.22, 0.56))
        charges = round(max(18.0, 22.0 + 24.0 * internet + 9.0 * _bell(chance)), 2)
        calls = min(9, int(-1.3 * math.log(1.0 - chance.random())))
        leaning = (
            0.4
            - 0.045 * tenure
            - 1.3 * contract
            + (0.7 if payment == 0 else -0.1)
            + 0.5 * internet
            + 0.018 * (charges - 50.0)
            + 0.45 * calls
        )
        left = "yes" if chance.random() < 1 / (1 + math.exp(-leaning)) else "no"
        yield (
            tenure,
            ("month-to-month", "one-year", "two-year")[contract],
            ("check", "transfer", "card", "debit")[payment],
            ("none", "dsl", "fibre")[internet],
            charges,
            calls,
            left,
        )


def _pick(chance: Random, limits: Sequence[float]) -> int:
    """A place in a list whose shares add up to `limits`."""
    draw = chance.random()
    return sum(draw >= limit for limit in limits)


def _bell(chance: Random) -> float:
    """About normal, mean 0, deviation 1, and never beyond 3."""
    return (sum(chance.random() for _ in range(4)) - 2.0) * math.sqrt(3.0)


def _csv(names: Sequence[str], rows: Iterator[Row]) -> bytes:
    lines = [",".join(names), *(",".join(map(str, row)) for row in rows)]
    return ("\n".join(lines) + "\n").encode()


DATASETS: Final[Mapping[str, Callable[..., bytes]]] = {"bikeRental": bike_rental, "census": census, "churn": churn}
"""Generators by the name that a seed gives them."""

"""What people type after a command, read into values: ratios, seeds, and columns by role."""

from collections.abc import Sequence

from data.errors import UserError


def one_ratio(text: str) -> float:
    """The r of a ratio written as `10` or `1:10`."""
    try:
        ratio = float(text.strip().removeprefix("1:"))
    except ValueError:
        ratio = 0.0
    if not 0 < ratio <= 1000:
        raise UserError(f"{text.strip()!r} is not a ratio. Write 10 or 1:10; several with commas: 1,2,3,5,10.")
    return ratio


def many_ratios(text: str) -> list[float]:
    """Ratios with commas between them: `1,2,3,5,10` or `1:1,1:10`."""
    return [one_ratio(part) for part in text.split(",")]


def many_seeds(text: str) -> list[int]:
    """Seeds with commas between them: `0,1,2`."""
    parts = [part.strip() for part in text.split(",")]
    wrong = next((part for part in parts if not part.isdecimal()), None)
    if wrong is not None:
        raise UserError(f"{wrong!r} is not a seed. Write whole numbers from 0 on, with commas between them: 0,1,2.")
    return [int(part) for part in parts]


def names(text: str) -> list[str]:
    """Names with commas between them: `focal, class-weights`; none in an empty text."""
    return [part.strip() for part in text.split(",") if part.strip()]


def column_roles(pairs: Sequence[str], roles: Sequence[str]) -> dict[str, str]:
    """Columns by role, from `id=post_id`, `label=gold` ..."""
    named: dict[str, str] = {}
    for pair in pairs:
        role, equals, column = pair.partition("=")
        role = role.strip().replace("-", "_")
        if not equals or not column or role not in roles:
            raise UserError(f"{pair!r} does not name a column. Write ROLE=NAME; roles are {', '.join(roles)}.")
        if role in named:
            raise UserError(f"The {role} column is named twice: {named[role]!r} and {column!r}. Name it once.")
        named[role] = column
    return named

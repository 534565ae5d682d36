"""The page of settings says what the settings say, and says it of every one."""

from pathlib import Path

from flows.cli_settings import known_settings
from flows.reference import reference

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_page_is_up_to_date():
    assert PAGE.read_text() == reference(), "the settings have changed: type `make settings`"


def test_every_setting_has_a_line_with_its_meaning():
    page = reference()
    for name, field in known_settings().items():
        (line,) = (line for line in page.splitlines() if line.startswith(f"| `{name}`"))
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        assert len(cells) == 5, line
        assert cells[2], line
        assert len(cells[4]) > 5, line
        assert field.description


def test_units_limits_and_choices_are_told():
    page = reference()
    assert "| `field.softening` | `0` | number >= 0 | length | Plummer softening length |" in page
    assert "`dimensionless`, `basic`, `rich`, `delta_mag`" in page
    assert "| `epochs` * |" in page
    assert "| `seed` |" in page

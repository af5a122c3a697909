"""What a template may not do, whoever wrote it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from digest.editions.render import HTML_TEMPLATE, TEXT_TEMPLATE, Renderer
from digest.errors import TemplateError
from digest.records import Edition

ENDLESS = {
    "loops in loops": (
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "turns of loops and calls",
    ),
    "a macro that calls itself": (
        "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}",
        "recursion",
    ),
    "a macro that calls itself twice": (
        "{% macro two(n) %}{% if n %}{{ two(n - 1) }}{{ two(n - 1) }}{% endif %}{% endmacro %}"
        "{{ two(60) }}",
        "turns of loops and calls",
    ),
    "a range without end": ("{{ range(999999999) | list }}", "Range too big"),
    "a template that includes itself": (f'{{% include "{HTML_TEMPLATE}" %}}', "recursion"),
}
HUGE = {
    "a text that doubles": "{% set n = namespace(x='xy') %}"
    "{% for a in range(99) %}{% set n.x = n.x ~ n.x %}{% endfor %}{{ n.x }}",
    "a sum that doubles": "{% set n = namespace(x='xy') %}"
    "{% for a in range(99) %}{% set n.x = n.x + n.x %}{% endfor %}{{ n.x }}",
    "a text times a number": "{{ 'x' * 10 ** 12 }}",
    "a list times a number": "{{ [1] * 999999999 }}",
    "a power of powers": "{{ 9 ** (9 ** 9) }}",
    "a wide number": "{{ '%999999999d' % 1 }}",
    "a number of any width": "{{ '%*d' % (999999999, 1) }}",
    "a wide filter": "{{ '%999999999d' | format(1) }}",
    "a wide method": "{{ '{:999999999}'.format(1) }}",
    "a width from outside": "{{ '{:{}}'.format(1, 999999999) }}",
    "a padded text": "{{ 'x'.ljust(999999999) }}",
    "a centred text": "{{ 'x' | center(999999999) }}",
    "a deep margin": "{{ 'x\ny' | indent(999999999) }}",
    "many long lines": "{% for a in range(9999) %}{{ 'x' * 9999 }}{% endfor %}",
}
INSIDES = [
    "{{ ''.__class__.__mro__ }}",
    "{{ edition.__class__ }}",
    "{{ edition | attr('__class__') }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ self.__init__.__globals__ }}",
    "{{ edition.stories.__class__.__base__.__subclasses__() }}",
    "{{ '{0.__class__}'.format(edition) }}",
    "{{ '%s' | format(edition) | attr('__class__') }}",
    "{{ namespace.__globals__ }}",
    "{{ joiner.__call__.__globals__['os'] }}",
    "{% set edition.title = 'mine' %}",
    "{{ edition.told.append('x') }}",
    "{% include '/etc/passwd' %}",
    "{% include '../../feeds.yaml' %}",
]


def filled(source: str, folder: Path, edition: Edition) -> str:
    """The HTML of a theme that consists of `source`; the second line is where it stands."""
    theme = folder / "themes" / "mine"
    theme.mkdir(parents=True)
    (theme / HTML_TEMPLATE).write_text(f"<p>Before</p>\n{source}", "utf-8")
    (theme / TEXT_TEMPLATE).write_text("plain", "utf-8")
    return Renderer([theme.parent]).render(replace(edition, template="mine")).html


@pytest.mark.parametrize(("source", "said"), ENDLESS.values(), ids=ENDLESS)
def test_a_template_that_never_ends_is_stopped(
    source: str, said: str, tmp_path: Path, edition: Edition
) -> None:
    with pytest.raises(TemplateError, match=rf"{HTML_TEMPLATE}:[12].*{said}"):
        filled(source, tmp_path, edition)


@pytest.mark.parametrize("source", HUGE.values(), ids=HUGE)
def test_a_template_cannot_fill_the_memory(source: str, tmp_path: Path, edition: Edition) -> None:
    with pytest.raises(TemplateError, match=rf"{HTML_TEMPLATE}:.* over [\d,]+ "):
        filled(source, tmp_path, edition)


@pytest.mark.parametrize("source", INSIDES)
def test_a_template_reaches_neither_python_s_insides_nor_other_files(
    source: str, tmp_path: Path, edition: Edition
) -> None:
    with pytest.raises(TemplateError, match=rf"mine.{HTML_TEMPLATE}:[12]"):
        filled(source, tmp_path, edition)


def test_what_templates_usually_do_is_left_alone(tmp_path: Path, edition: Edition) -> None:
    html = filled(
        "{% for n in [3, 1, 2] | sort %}{{ loop.index }}{{ n }}{{ ', ' if not loop.last }}"
        "{% endfor %}|{{ '%s: %05.1f' % ('a', 2.5) }}|{{ '%d' | format(20000000) }}"
        "|{{ '{} of {:>3}'.format(1, 20) }}|{{ 2 ** 20 }}|{{ '-' * 72 }}|{{ 'ab' ~ 3 ~ 'c' }}"
        "|{% for n in [1, [2, [3]]] recursive %}{{ loop(n) if n is iterable else n }}{% endfor %}"
        "|{% for n in [] %}{% else %}none{% endfor %}|{{ 'x' | center(5) }}|",
        tmp_path,
        edition,
    )
    assert f"11, 22, 33|a: 002.5|20000000|1 of  20|1048576|{'-' * 72}|ab3c|123|none|  x  |" in html


def test_the_steps_of_one_rendering_do_not_count_for_the_next(
    edition: Edition, tmp_path: Path
) -> None:
    loops = "{% for a in range(40000) %}{% endfor %}" * 5
    for number in range(3):
        assert "Before" in filled(loops, tmp_path / str(number), edition)

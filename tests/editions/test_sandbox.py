"""What a template may not do, whoever wrote it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from digest.editions.limits import MAX_STEPS
from digest.editions.render import HTML_TEMPLATE, TEXT_TEMPLATE, Renderer
from digest.errors import TemplateError
from digest.records import Edition

STEPS = "over 300,000 steps"
DOUBLING = "{% set n = namespace(x='xy') %}{% for a in range(40) %}"
ENDLESS = {
    "loops in loops": (
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        STEPS,
    ),
    "sums in loops": (
        "{% for a in range(99999) %}{% set x = range(99999) | sum %}{% endfor %}",
        STEPS,
    ),
    "a macro that calls itself": (
        "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}",
        "calls or includes itself without end",
    ),
    "a macro that calls itself twice": (
        "{% macro two(n) %}{% if n %}{{ two(n - 1) }}{{ two(n - 1) }}{% endif %}{% endmacro %}"
        "{{ two(60) }}",
        STEPS,
    ),
    "a range without end": ("{{ range(999999999) | list }}", "Range too big"),
    "a template that includes itself": (f'{{% include "{HTML_TEMPLATE}" %}}', "includes itself"),
    "pairs of pairs": (DOUBLING + "{% set n.x = (n.x, n.x) %}{% endfor %}{{ n.x }}", STEPS),
    "pairs as a text": (
        DOUBLING + "{% set n.x = (n.x, n.x) %}{% endfor %}{{ n.x | string }}",
        STEPS,
    ),
}
WIDE = "is no width|makes over 10,000 characters|over 10,000 digits"
HUGE = {
    "a text that doubles": (DOUBLING + "{% set n.x = n.x ~ n.x %}{% endfor %}", STEPS),
    "a sum that doubles": (DOUBLING + "{% set n.x = n.x + n.x %}{% endfor %}", STEPS),
    "a block that doubles": (
        DOUBLING + "{% set n.x %}{{ n.x }}{{ n.x }}{% endset %}{% endfor %}",
        STEPS,
    ),
    "a macro that doubles": (
        "{% macro twice(x) %}{{ x }}{{ x }}{% endmacro %}"
        + DOUBLING
        + "{% set n.x = twice(n.x) %}{% endfor %}",
        STEPS,
    ),
    "a format that doubles": (DOUBLING + "{% set n.x = '{0}{0}'.format(n.x) %}{% endfor %}", STEPS),
    "a % that doubles": (DOUBLING + "{% set n.x = '%s%s' % (n.x, n.x) %}{% endfor %}", STEPS),
    "a join that doubles": (DOUBLING + "{% set n.x = [n.x, n.x] | join %}{% endfor %}", STEPS),
    "JSON of JSON": (
        "{% set n = namespace(x='\\\\') %}{% for a in range(40) %}"
        "{% set n.x = n.x | tojson | string %}{% endfor %}",
        STEPS,
    ),
    "a text times a number": ("{{ 'x' * 10 ** 12 }}", STEPS),
    "a list times a number": ("{{ [1] * 999999999 }}", STEPS),
    "bytes times a number": ("{{ 'x'.encode() * 3000000000 }}", STEPS),
    "a long text in each place of one": (
        "{% set s = 'x' * 99999 %}{{ s | replace('x', s) }}",
        STEPS,
    ),
    "the same by a method": ("{% set s = 'x' * 99999 %}{{ s.replace('x', s) }}", STEPS),
    "a long text between letters": ("{% set s = 'x' * 99999 %}{{ s.join(s) }}", STEPS),
    "a long text for a letter": ("{% set s = 'x' * 99999 %}{{ s.translate({120: s}) }}", STEPS),
    "many long lines": ("{% for a in range(9999) %}{{ 'x' * 9999 }}{% endfor %}", STEPS),
    "a padded item each": ("{{ range(99999) | map('center', 9999) | list | length }}", STEPS),
    "a power of powers": ("{{ 9 ** (9 ** 9) }}", WIDE),
    "squares of squares": (
        "{% set n = namespace(x=10) %}{% for a in range(99) %}{% set n.x = n.x * n.x %}"
        "{% endfor %}",
        WIDE,
    ),
    "a wide number": ("{{ '%999999999d' % 1 }}", WIDE),
    "a wide named number": ("{{ '%(a)999999999d' % {'a': 1} }}", WIDE),
    "a number of any width": ("{{ '%*d' % (999999999, 1) }}", WIDE),
    "a wide filter": ("{{ '%999999999d' | format(1) }}", WIDE),
    "a wide translation": ("{{ _('%(x)999999999d', x=1) }}", WIDE),
    "a wide method": ("{{ '{:999999999}'.format(1) }}", WIDE),
    "a width from outside": ("{{ '{:{}}'.format(1, 999999999) }}", WIDE),
    "a padded text": ("{{ 'x'.ljust(999999999) }}", WIDE),
    "wide tabs": ("{{ 'x'.expandtabs(tabsize=1999999999) }}", WIDE),
    "a centred text": ("{{ 'x' | center(999999999) }}", WIDE),
    "a deep margin": ("{{ 'x\ny' | indent(999999999) }}", WIDE),
    "a filled batch": ("{{ [1] | batch(1500000000, 'x') | list }}", WIDE),
    "many slices": ("{{ [1] | slice(1000000000) | list }}", WIDE),
    "a precise number": ("{{ 1 | round(400000000) }}", WIDE),
    "a number of many bytes": ("{{ (1).to_bytes(3000000000, 'big') }}", WIDE),
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


@pytest.mark.parametrize(("source", "said"), HUGE.values(), ids=HUGE)
def test_a_template_cannot_fill_the_memory(
    source: str, said: str, tmp_path: Path, edition: Edition
) -> None:
    with pytest.raises(TemplateError, match=rf"{HTML_TEMPLATE}:[23].*({said})"):
        filled(source, tmp_path, edition)


@pytest.mark.parametrize(
    "source",
    [
        "{{ edition.built.now() }}",
        "{{ edition.built.today() }}",
        "{{ edition.built.astimezone() }}",
        "{{ edition.built.strftime('%c') }}",
    ],
)
def test_a_template_cannot_ask_the_machine_for_time_or_language(
    source: str, tmp_path: Path, edition: Edition
) -> None:
    with pytest.raises(TemplateError, match=r"every rendering must be the same; the filters"):
        filled(source, tmp_path, edition)


def test_a_template_cannot_throw_dice(tmp_path: Path, edition: Edition) -> None:
    with pytest.raises(TemplateError, match="No filter named 'random'"):
        filled("{{ [1, 2] | random }}", tmp_path, edition)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ edition.headline }}", r"Edition has no 'headline'; it has digest, title, date"),
        ("{{ reader.address }}", r"'address' was asked of something that isn't there \(None\)"),
        ("{{ nothing }}", r"there is no 'nothing'"),
        ("{% import 'base/macros.html.j2' as p %}{{ p.nosuch() }}", r"there is no 'nosuch'"),
    ],
)
def test_what_is_missing_is_said_in_an_editor_s_words(
    source: str, said: str, tmp_path: Path, edition: Edition
) -> None:
    with pytest.raises(TemplateError, match=said) as caught:
        filled(source, tmp_path, edition)
    assert "object" not in str(caught.value)


def test_the_largest_edition_takes_a_quarter_of_the_steps(
    renderer: Renderer, edition: Edition, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = max(edition.stories, key=lambda one: len(one.also))
    many = tuple(replace(story, id=f"s{number}") for number in range(200))
    large = replace(edition, topics=(replace(edition.topics[0], stories=many),))
    monkeypatch.setattr("digest.editions.sandbox.MAX_STEPS", MAX_STEPS // 4)
    for theme in ("classic", "compact"):
        assert renderer.render(replace(large, template=theme), mail=True).html


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


def test_texts_of_articles_are_no_formats(tmp_path: Path, edition: Edition) -> None:
    text = "100%12345d {:99999} {{ braces }} %*d %(a)99999d"
    story = replace(edition.stories[0], headline=text, source=text)
    odd = replace(edition, topics=(replace(edition.topics[0], name=text, stories=(story,)),))
    html = filled(
        "{% set s = edition.stories[0] %}{{ _('%(h)s', h=s.headline) }}|{{ '%s' % s.headline }}"
        "|{{ '{}'.format(s.headline) }}|{{ '%s' | format(s.headline) }}"
        "|{% trans h=s.headline %}{{ h }}{% endtrans %}|",
        tmp_path,
        odd,
    )
    assert html.count(f"{text}|") == 5


def test_the_steps_of_one_rendering_do_not_count_for_the_next(
    edition: Edition, tmp_path: Path
) -> None:
    loops = "{% for a in range(40000) %}{% endfor %}" * 5
    for number in range(3):
        assert "Before" in filled(loops, tmp_path / str(number), edition)

"""What stands in the style sheets of mails: properties, at-rules, and the words beside colours."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_BORDERS = " ".join(
    f"border-{side}{what}"
    for side in (
        "top right bottom left block inline block-start block-end inline-start inline-end".split()
    )
    for what in ("", "-color", "-style", "-width")
)
_SIDES = " ".join(
    f"{box}-{side}"
    for box in ("margin", "padding", "inset", "scroll-margin", "scroll-padding")
    for side in (
        "top right bottom left block block-start block-end inline inline-start inline-end".split()
    )
)

# The properties of the CSS Snapshot 2024 that one meets in mails and pages, the older ones of
# Internet Explorer and of printing, and the two that only mails have.
PROPERTIES = frozenset(
    f"""
accent-color align-content align-items align-self all animation animation-delay
animation-direction animation-duration animation-fill-mode animation-iteration-count
animation-name animation-play-state animation-timing-function appearance aspect-ratio
backdrop-filter backface-visibility background background-attachment background-blend-mode
background-clip background-color background-image background-origin background-position
background-position-x background-position-y background-repeat background-size behavior block-size
border {_BORDERS} border-bottom-left-radius border-bottom-right-radius border-collapse
border-color border-end-end-radius border-end-start-radius border-image border-image-outset
border-image-repeat border-image-slice border-image-source border-image-width border-radius
border-spacing border-start-end-radius border-start-start-radius border-style
border-top-left-radius border-top-right-radius border-width bottom box-decoration-break box-shadow
box-sizing break-after break-before break-inside caption-side caret-color clear clip clip-path
clip-rule color color-adjust color-interpolation color-scheme column-count column-fill column-gap
column-rule column-rule-color column-rule-style column-rule-width column-span column-width columns
contain container container-name container-type content content-visibility counter-increment
counter-reset counter-set cursor direction display dominant-baseline empty-cells fill fill-opacity
fill-rule filter flex flex-basis flex-direction flex-flow flex-grow flex-shrink flex-wrap float
font font-display font-family font-feature-settings font-kerning font-optical-sizing font-palette
font-size font-size-adjust font-smooth font-stretch font-style font-synthesis
font-synthesis-small-caps font-synthesis-style font-synthesis-weight font-variant
font-variant-alternates font-variant-caps font-variant-east-asian font-variant-emoji
font-variant-ligatures font-variant-numeric font-variant-position font-variation-settings
font-weight forced-color-adjust gap grid grid-area grid-auto-columns grid-auto-flow grid-auto-rows
grid-column grid-column-end grid-column-gap grid-column-start grid-gap grid-row grid-row-end
grid-row-gap grid-row-start grid-template grid-template-areas grid-template-columns
grid-template-rows hanging-punctuation height hyphenate-character hyphenate-limit-chars hyphens
image-orientation image-rendering initial-letter inline-size inset interpolation-mode isolation
justify-content justify-items justify-self layout-flow left letter-spacing line-break line-clamp
line-height line-height-step list-style list-style-image list-style-position list-style-type
margin margin-trim marker mask mask-border mask-clip mask-composite mask-image mask-mode
mask-origin mask-position mask-repeat mask-size mask-type max-block-size max-height
max-inline-size max-width min-block-size min-height min-inline-size min-width mix-blend-mode
object-fit object-position offset opacity order orphans outline outline-color outline-offset
outline-style outline-width overflow overflow-anchor overflow-block overflow-clip-margin
overflow-inline overflow-wrap overflow-x overflow-y overscroll-behavior padding page
page-break-after page-break-before page-break-inside paint-order perspective perspective-origin
place-content place-items place-self pointer-events position print-color-adjust quotes resize
right rotate row-gap ruby-align ruby-position scale scroll-behavior scroll-margin scroll-padding
scroll-snap-align scroll-snap-stop scroll-snap-type scrollbar-color scrollbar-gutter
scrollbar-width shape-image-threshold shape-margin shape-outside size speak src stroke
stroke-dasharray stroke-dashoffset stroke-linecap stroke-linejoin stroke-miterlimit stroke-opacity
stroke-width supported-color-schemes tab-size table-layout text-align text-align-last text-anchor
text-combine-upright text-decoration text-decoration-color text-decoration-line
text-decoration-skip text-decoration-skip-ink text-decoration-style text-decoration-thickness
text-emphasis text-emphasis-color text-emphasis-position text-emphasis-style text-indent
text-justify text-orientation text-overflow text-rendering text-shadow text-size-adjust
text-spacing-trim text-transform text-underline-offset text-underline-position text-wrap
text-wrap-mode text-wrap-style top touch-action transform transform-box transform-origin
transform-style transition transition-behavior transition-delay transition-duration
transition-property transition-timing-function translate unicode-bidi unicode-range user-select
vector-effect vertical-align visibility white-space white-space-collapse widows width will-change
word-break word-spacing word-wrap writing-mode z-index zoom {_SIDES}
""".split()
)

AT_RULES = frozenset(
    "charset color-profile container counter-style font-face font-feature-values "
    "font-palette-values import keyframes layer media namespace page property scope "
    "starting-style supports view-transition viewport".split()
)

# Beside a colour each of these may have: nothing, or what a shorthand is made of.
_LINE = frozenset(
    "none hidden dotted dashed solid double groove ridge inset outset thin medium thick "
    "auto".split()
)
_GROUND = frozenset(
    "none no-repeat repeat repeat-x repeat-y round space scroll fixed local left right top bottom "
    "center cover contain auto border-box padding-box content-box text".split()
)
_SIDED = ("border-top", "border-right", "border-bottom", "border-left")
COLOURED = {
    **dict.fromkeys(("color", "background-color", "text-decoration-color"), frozenset[str]()),
    **dict.fromkeys(("border-color", "outline-color", "column-rule-color"), frozenset[str]()),
    **dict.fromkeys((f"{side}-color" for side in _SIDED), frozenset[str]()),
    **dict.fromkeys(("border", *_SIDED, "outline", "column-rule"), _LINE),
    "background": _GROUND,
}
"""The properties whose value holds a colour, and the words that it may hold beside it."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` (did you mean color?)`, or nothing where no known word is close."""
    # 0.7: `dispaly` (0.86) and `colour` (0.91) find theirs, `frobnicate` nothing.
    close = difflib.get_close_matches(word.lower(), sorted(known), n=1, cutoff=0.7)
    return f" (did you mean {close[0]}?)" if close else ""

"""An article's web page: its text, and what the page says of itself.

What is no article (a front page, a consent wall, a page that only scripts can fill) gives a reason
and no text: the feed's own text stands then.
"""

from __future__ import annotations

import re
from datetime import datetime

from digest.feeds.metadata import read_metadata
from digest.records import Page
from digest.text.clean import clean_blocks
from digest.text.html import has_markup
from digest.text.page import article_blocks, is_page, page_markup
from digest.text.urls import is_http, page_of

_LARGEST = 3_000_000  # bytes; the largest of 38 pages has 1.1 MB
# The shortest article of 38 pages has 427 characters; cookie notes and error pages that pass for
# articles mostly have fewer than this.
_SHORTEST = 200

_HTML = ("text/html", "application/xhtml+xml", "")
# What servers also send pages as; the body tells.
_PERHAPS_HTML = ("text/xml", "application/xml", "text/plain", "application/octet-stream")
_KINDS = {"application/pdf": "a PDF file", "image": "a picture", "audio": "a recording",
          "video": "a video", "text/plain": "plain text"}  # fmt: skip
_SIGNATURES = (
    (b"%PDF-", "a PDF file"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"RIFF", "a picture"),
    (b"PK\x03\x04", "an archive"),
    (b"\x1f\x8b", "an archive"),
)
_FEED = re.compile(
    r"\s*(?:(?:<\?xml[^>]*>|<!--(?:(?!-->).)*-->)\s*)*<(?:rss|feed|rdf:RDF)[\s>]", re.DOTALL
)

# What is longer is an article, though its title be "Forbidden"; error pages that offer other
# articles, and consent walls with the list of their purposes, have up to 300 words.
_NOTICE_WORDS = 400
# Whole parts of titles ("Page not found | Harbour Gazette"): an article's title says more.
_PARTS = re.compile(r"\s+[|–—·»:-]\s+")
_TITLES = {
    "the page says that there is no such page": re.compile(
        r"(?:(?:error )?404(?: error)?(?:[,:]? (?:page |file )?not found)?"
        r"|(?:(?:page|file|article) )?not found"
        r"|(?:sorry,? )?(?:the |this )?page (?:cannot|can['’]t|could not) be found"
        r"|(?:seite|artikel) (?:wurde )?nicht gefunden|page (?:introuvable|non trouvée)"
        r"|página no encontrada|página não encontrada|pagina non trovata|pagina niet gevonden"
        r"|nie znaleziono strony|strona nie została znaleziona|страница не найдена"
        r"|сторінку не знайдено|sidan (?:hittades inte|kunde inte hittas)|sayfa bulunamadı"
        r"|ページが見つかりません|页面不存在|找不到页面)[.!]*"
    ),
    "the site wants to see a person at a browser": re.compile(
        r"just a moment|attention required!?|access (?:to this page has been )?denied"
        r"|(?:403 )?forbidden|are you a (?:robot|human)\??"
        r"|verify(?:ing)? (?:that )?you are (?:a )?human"
        r"|security check(?:point)?|captcha|pardon our interruption|ddos-guard|one more step"
        r"|please wait|request (?:blocked|rejected)|(?:robot|human|bot) (?:check|verification)"
    ),
    "the page asks for consent first": re.compile(
        r"before you continue(?: to .{1,40})?|bevor (?:du|sie) fortfahr(?:st|en)"
        r"|(?:your|ihre) privacy choices|(?:we value )?your privacy|(?:cookie )?consent|cookie wall"
        r"|privacy gate|avant de continuer|antes de continuar|prima di continuare|zustimmung"
        r"|datenschutzeinstellungen"
    ),
    "the page asks to log in": re.compile(
        r"(?:please )?(?:log|sign)[ -]?in(?: required| to (?:continue|your account))?|login"
        r"|(?:log|sign) in or (?:sign up|register)|anmelden|anmeldung|einloggen|connexion"
        r"|se connecter|identification|iniciar sesión|iniciar sessão|entrar|accedi|inloggen"
        r"|zaloguj się|logowanie|войти|вход|авторизация|увійти|logga in|log ind|logg inn"
        r"|ログイン|登录"
    ),
}
# In short texts only: articles tell of robots and scripts too. The first names the second as well.
_WALL_WORDS = 120
_WALLS = {
    "the site wants to see a person at a browser": re.compile(
        r"verify (?:that )?you(?:['’]re| are) (?:a |not a )?(?:human|robot)|are you a robot"
        r"|checking (?:if the site|your browser)|unusual traffic|enable cookies"
        r"|you have been blocked|complete the (?:captcha|security check)"
        r"|bist du ein (?:mensch|roboter)",
        re.IGNORECASE,
    ),
    "the page needs JavaScript": re.compile(
        r"(?:enable|turn on|activate|requires?|without|need) java ?script"
        r"|java ?script (?:is|must be|to be) (?:not |dis|en|turned|required|activated)"
        r"|java ?script (?:aktivieren|einschalten|ist deaktiviert)"
        r"|activ(?:er|ez) (?:le )?java ?script"
        r"|(?:habilit|activ|ativ)(?:ar|e|a) (?:o |el )?java ?script"
        r"|(?:abilita|attiva)(?:re)? java ?script|(?:włącz|включит[еь]) java ?script",
        re.IGNORECASE,
    ),
}
_CONSENT = re.compile(
    r"\bcookies?\b|\bconsent|\bprivacy\b|\bpersonal(?:i[sz]ed)?\b|\bpartners?\b|\bdatenschutz"
    r"|\beinwillig|\bzustimm|\bconfidentialité|\bconsentement|\bdonnées personnelles"
    r"|\bpartenaires\b|\bprivacidad|\bconsentimi?ento|\bdatos personales|\bprivacidade"
    r"|\bdados pessoais|\bconsenso\b|\bdati personali|\btoestemming|\bpersoonsgegevens",
    re.IGNORECASE,
)
# Consent walls name these things in one of every 10 to 15 words; reports on them in one of 40.
_CONSENT_SHARE = 1 / 20
# WordPress marks its error pages so.
_BODY = re.compile(r"<body\b([^<>]{0,2000})>", re.IGNORECASE)
_ERROR_CLASS = re.compile(r"\bclass\s*=[^=]*\berror-?404\b", re.IGNORECASE)


def extract_page(
    article: str, body: bytes, content_type: str, url: str, *, now: datetime | None = None
) -> Page:
    """The text of the article on a page, cleaned like a feed's, and the page's own metadata.

    `article` is the article's id, `url` where the redirects ended, `content_type` what the server
    said. `now` is aware UTC; without it `published` is None, since no time may lie in the future.
    Pure and CPU-bound (tens of milliseconds, a second for the largest). Never raises.
    """
    if reason := _no_page(body, content_type, url):
        return Page(article, reason=reason)
    markup = page_markup(body, content_type)
    if not (is_page(markup) or has_markup(markup)):
        return Page(article, reason="plain text, not a web page")
    if _FEED.match(markup[:10_000]):
        return Page(article, reason="a feed, not an article's page")
    title, found = article_blocks(markup)
    text = "\n\n".join(clean_blocks(found, title))
    said = read_metadata(markup, url, now)
    if reason := _no_article(title, text, markup):
        return Page(article, reason=reason, paywall=said.paywall)
    return Page(
        article,
        url=said.url,
        text=text,
        title=title,
        image=said.image,
        author=said.author,
        published=said.published,
        language=said.language,
        paywall=said.paywall,
    )


def _no_page(body: bytes, content_type: str, url: str) -> str:
    """Why this is no web page at all; "" when it may be one."""
    kind = content_type.partition(";")[0].strip().lower()
    named = _KINDS.get(kind) or _KINDS.get(kind.partition("/")[0])
    if kind not in (*_HTML, *_PERHAPS_HTML) and "/" in kind:
        return f"{named or kind[:60]}, not a web page"
    start = body[:1024].lstrip()
    for signature, name in _SIGNATURES:
        if start.startswith(signature):
            return f"{name}, not a web page"
    if not start and not body.strip():
        return "empty"
    if len(body) > _LARGEST:
        return f"larger than {_LARGEST // 1_000_000} MB"
    if is_http(url) and not page_of(url):
        return "leads to the site's front page"
    return ""


def _no_article(title: str, text: str, markup: str) -> str:
    """Why what was found in the page is no article; "" when it is one."""
    words = len(text.split())
    parts = [part.strip(" .…") for part in _PARTS.split(title.casefold())]
    if words < _NOTICE_WORDS:
        for reason, known in _TITLES.items():
            if any(known.fullmatch(part) for part in parts):
                return reason
    if (body := _BODY.search(markup)) and _ERROR_CLASS.search(body[1]):
        return "the page says that there is no such page"
    if words < _WALL_WORDS:
        for reason, wall in _WALLS.items():
            if wall.search(text):
                return reason
    if words < _NOTICE_WORDS and len(_CONSENT.findall(text)) > max(3, _CONSENT_SHARE * words):
        return "the page asks for consent first"
    if len(text) < _SHORTEST:
        walls = (reason for reason, wall in _WALLS.items() if wall.search(markup))
        return next(walls, "no article was found in the page")
    return ""

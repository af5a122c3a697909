"""Addresses of articles and pictures: absolute, http(s), the same for the same page, safe to print.

w3lib is used for what is easy to get wrong: percent-encoding by the URL standard without encoding
twice, and internationalised host names. Its `canonicalize_url` isn't used: it sorts the query,
which some servers don't forgive. courlan's cleaner cuts addresses at quotes and drops every
parameter called `source` or `ref`; that breaks links.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urljoin, urlsplit

from w3lib.url import safe_url_string

MAX_LENGTH = 4096
"""Longer addresses aren't links but accidents. Browsers and servers stop between 2 and 8 kB."""

_TRACKING_PREFIXES = (
    "utm_",  # Google Analytics
    "at_",  # BBC and AT Internet: at_medium, at_campaign, …
    "mtm_",  # Matomo
    "pk_",  # Piwik, before it was Matomo
    "_hs",  # HubSpot: _hsenc, _hsmi
    "hsa_",  # HubSpot ads
    "wt_mc",  # Webtrekk, Mapp: wt_mc, wt_mc_o
)
_TRACKING_NAMES = frozenset(
    {
        "fbclid",  # Facebook
        "gclid",  # Google Ads
        "dclid",  # Google Display
        "gbraid",  # Google Ads on iOS
        "wbraid",
        "msclkid",  # Microsoft Ads
        "yclid",  # Yandex Direct
        "twclid",  # Twitter
        "igshid",  # Instagram
        "igsh",
        "mc_cid",  # Mailchimp: campaign and subscriber
        "mc_eid",
        "mkt_tok",  # Marketo
        "vero_id",  # Vero
        "oly_anon_id",  # Omeda
        "oly_enc_id",
        "xtor",  # AT Internet (Le Monde, France Info)
        "wtmc",
        "cmpid",  # CNN, Bloomberg, Handelsblatt: campaign
        "cmp",  # Guardian: CMP=…
        "ncid",  # AOL, TechCrunch
        "ref_src",  # Twitter
        "ref_url",
        "sr_share",  # SocialRank
        "ftag",  # CBS, ZDNet
        "smid",  # New York Times: where it was shared
        "partner",  # New York Times: partner=rss
        "emc",
        "ns_mchannel",  # comScore
        "ns_campaign",
        "ns_source",
        "ns_linkname",
        "ns_fee",
        "feedtype",
        "feedname",
    }
)

# What the URL standard removes (tab, newline), what no address can hold, and the invisible
# characters that copying brings in: C0, DEL and C1, soft hyphen, zero-width and direction marks,
# byte order mark, surrogates.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
# Feeds escape once too often, and some three times: `&amp;amp;`.
_AMPERSAND = re.compile(r"&(?:(?:amp|#0{0,8}38|#x0{0,8}26);)+", re.IGNORECASE)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?|\[[0-9a-f:.]+\]")
_PERCENT = re.compile(r"%[0-9a-f]{2}", re.IGNORECASE)
_MAILBOX = re.compile(r"mailto:[^@\s?]+@[^@\s?]+(\?\S*)?")
# The second form is a password with a slash in it, which no URL allows and people write.
_USERINFO = re.compile(r"(?<=://)(?:[^\s/?#]*@|[^\s/?#@:]+:(?!\d+(?:[/?#]|$))[^\s'\"]*@)")
_DRESS = re.compile(r"^(?:www\d?|m|mobile|amp)\.(?=[^.]+\.)")
_AMP_PATH = re.compile(r"(?:^/amp(?=/)|/amp/?$|[./]amp(?=\.html?$))", re.IGNORECASE)
_AMP_QUERY = re.compile(r"(?:amp(?:=1|=true)?|outputtype=amp)", re.IGNORECASE)
_DEFAULT_PORTS = {"http": 80, "https": 443}


def canonical_url(url: str, base: str = "") -> str:
    """The absolute http(s) or mailto address that `url` means; empty where it means none.

    A relative `url` is resolved against `base`. Tracking parameters, credentials and the default
    port are removed, the host is lower-case ASCII, other characters are percent-encoded; applying
    it twice changes nothing. A fragment stays (`#!/story`, live blogs `#block-7` name different
    texts) unless it is empty or carries tracking. Never raises.
    """
    text = _UNPRINTABLE.sub("", url).strip()
    text = _AMPERSAND.sub("&", text)
    try:
        if base and not _SCHEME.match(text):
            text = urljoin(base, text) if text else ""
        if text.startswith("//"):
            text = f"https:{text}"
        scheme = text.partition(":")[0].lower()
        if not text or len(text) > MAX_LENGTH or scheme not in ("http", "https", "mailto"):
            return ""
        if scheme == "mailto":
            mail = safe_url_string(scheme + text[len(scheme) :])
            return mail if _MAILBOX.fullmatch(mail) else ""
        return _web_address(urlsplit(safe_url_string(text)))
    except (ValueError, UnicodeError):  # a port that is no number, a host IDNA refuses
        return ""


def page_of(url: str) -> str:
    """What tells the page that `url` (a canonical one) leads to, for comparing; no address.

    Left out is what leads to the same text in another dress: scheme, `www.`, `m.` and `amp.`, a
    fragment (unless the page is made of it, `#!/story`), AMP's marks, the order of the query. Empty
    for front pages, to which broken feeds send all their entries, and for what is no address.
    """
    try:
        parts = urlsplit(url)
        host = _DRESS.sub("", parts.netloc)
    except ValueError:
        return ""
    path = _AMP_PATH.sub("", parts.path).rstrip("/")
    query = "&".join(sorted(p for p in parts.query.split("&") if p and not _AMP_QUERY.fullmatch(p)))
    fragment = f"#{parts.fragment}" if parts.fragment.startswith("!") else ""
    if not host or not (path or query or fragment):
        return ""
    return f"{host}{path}?{query}{fragment}"


def is_http(url: str) -> bool:
    """Whether `url` is an absolute http(s) address with a host."""
    try:
        parts = urlsplit(url)
        return parts.scheme in _DEFAULT_PORTS and bool(parts.hostname)
    except ValueError:
        return False


def redact(text: str) -> str:
    """`text` with the user and password of every address in it replaced by `***`."""
    return _USERINFO.sub("***@", text)


def _web_address(parts: SplitResult) -> str:
    host = (parts.hostname or "").lower()
    if ":" in host:
        host = f"[{host}]"
    if not _HOST.fullmatch(host):
        return ""
    port = parts.port
    netloc = host if port in (None, _DEFAULT_PORTS[parts.scheme]) else f"{host}:{port}"
    query = "&".join(p for p in parts.query.split("&") if p and not _is_tracking(p))
    fragment = "" if _is_tracking(parts.fragment.lstrip("?&")) else parts.fragment
    tail = (f"?{query}" if query else "") + (f"#{fragment}" if fragment else "")
    address = f"{parts.scheme}://{netloc}{parts.path or '/'}{tail}"
    # An apostrophe is allowed in a path, and ends an attribute in careless templates.
    return _PERCENT.sub(lambda match: match[0].upper(), address.replace("'", "%27"))


def _is_tracking(parameter: str) -> bool:
    name = parameter.partition("=")[0].lower()
    return name in _TRACKING_NAMES or name.startswith(_TRACKING_PREFIXES)

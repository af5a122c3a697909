"""What a page puts round its article, told by its words: credits, bylines, pointers, share lines.

`is_noise` judges a paragraph or a line, `is_aside` a sentence that stands within running text,
`without_dateline` takes "LONDON (Reuters) –" off. Each form needs its colon, its arrow, its whole
line or a phrase that prose doesn't have, since sentences too begin with "Watch", "Follow" or "By".
"""

from __future__ import annotations

import re

# Bylines with three names have sixteen words, captions with a credit seldom over twenty-five.
_BYLINE_WORDS = 16
_LINE_WORDS = 25
_CREDIT_WORDS = 5
_LABEL_WORDS = 8
# Noise is short. What is longer is left alone, which also bounds what a pattern can cost.
_LONGEST = 600
_LONGEST_ASIDE = 400

# What ends a sentence, in the scripts that feeds come in, closing quotes and brackets after it.
SENTENCE_END = re.compile(
    r"(?:[.!?…:;。！？।॥؟۔։።။｡]|[—–-](?=['\"’”»]))(?:\[\d{1,3}\])*[\s'\"’”»›)\]」』】）]*$"
)

_AGENCY = (
    r"(?:AAP|AFP|AP|ANSA|APA|ANI|Associated Press|Belga|Bloomberg|CNN|CNBC|DPA|dpa|EFE|"
    r"EPA(?:-EFE)?|"
    r"Getty(?: Images)?|IANS|Interfax|Kyodo|Lusa|NTB|PA|PAP|PTI|Reuters|REUTERS|RIA Novosti|"
    r"Shutterstock|SID|TASS|TT|Ukrinform|UPI|Xinhua|Укринформ|Укрінформ|ТАСС)"
)
_CREDIT = re.compile(
    rf"^\(?(?:photo(?:graph)?s?|pictures?|image|illustration|video|graphic|credits?|courtesy|"
    rf"foto(?:s|graf(?:ía|ia))?|bild(?:er|quelle)?|crédits?(?: photo)?|imagen|imagem|zdjęcie|fot\.|"
    rf"фото(?:графія|графия)?|світлина|ілюстрація|иллюстрация)"
    rf"(?:\s*(?:credits?|by|courtesy|:|/|©|[–-]\s)).*$"
    rf"|^(?:©|\(c\)\s|copyright\s*(?:©|\(c\)|:|\d|by\b|(?-i:[A-Z]))).*$"
    rf"|^[^.!?]*(?:\s/|\||,|\()\s*(?:{_AGENCY})\)?\.?$"
    rf"|^\(.{{0,80}}(?:/\s?|via )(?:{_AGENCY})(?:,? file)?\)\.?$"
    rf"|^[\w .'’-]+\s/\s[\w .'’-]*[\w'’]$",
    re.IGNORECASE,
)
# An article or a pronoun after "By" begins a sentence; a byline names somebody.
_BYLINE = re.compile(
    r"^\W{0,8}(?:by|words by|written by|text by|story by|(?:additional )?reporting by|editing by|"
    r"von|"
    r"par|por|di|door|av|af|автор|текст|від)\s*:?\s+\S.*$",
    re.IGNORECASE,
)
_DATE_LINE = re.compile(
    r"^(?:(?:first )?published|updated|posted|last (?:updated|modified)|veröffentlicht|"
    r"aktualisiert|stand|publié|mis à jour|publicado|actualizado|atualizado|pubblicato|aggiornato|"
    r"опубліковано|оновлено|опубликовано|обновлено)\s*"
    r"(?::|(?:(?:on|at|le|el|em|il|am)\s+)?(?:\w+day,?\s+)?(?:\w{3,12}\.?\s+)?\d).{0,60}$"
    r"|^(?:\w+day,?\s+)?(?:\d{1,2}\.?\s+\w{3,12},?\s+\d{4}|\w{3,12}\.?\s+\d{1,2},\s+\d{4})"
    r"(?:,?\s+(?:at\s+)?\d{1,2}[:.]\d{2}.{0,12})?$|^\d+\s+min(?:ute)?s?\s+read$",
    re.IGNORECASE,
)


def _phrases(*lines: str) -> str:
    return "(?:" + "|".join(lines) + ")"


# A credit is nothing but names, places and the words between them; any other word in lower case
# ("has revealed", "helps children") makes it a sentence. White space ends each, so a
# text splits in one way only.
_NAMES_ONLY = (
    r"(?-i:(?:(?:[^\Wa-zß-ÿа-яґєії_](?:[\w.'’/-]*\w)?|and|the|in|for|from|at|of|with|by|additional|"
    r"[Rr]eporting|[Ww]riting|[Ee]diting|compiled|reported|wrote|staff|agencies|wires|newsroom|"
    r"bureau|de|da|di|van|von|der|den|bin|al-\w+|&)[^\w\s]*(?:\s+(?:[(/—–-]\s*)?|$))+)"
)


# "Read also", "More on this" and their like: what follows is the headline of something else.
_ALSO = _phrases(
    r"related(?: (?:article|story|stories|articles|content|topics|coverage|links?|news|reading))?",
    r"(?:you )?(?:may|might) also like|recommended(?: (?:for you|reading|stories))?|most read",
    r"read(?: (?:more(?: (?:about|on|from)(?: this(?: story)?)?)?|also|this|next|on))?|also read",
    r"see also|see more|more on this(?: story)?|more from|more news|also on \w+|in pictures",
    r"don['’]t miss|up next|trending(?: now)?",
    r"original(?: url| source| article| link)?|tags?|filed under|topics|keywords",
    # de
    r"lesen sie (?:auch|hier|mehr|dazu)|lies auch|auch interessant|mehr (?:zum thema|dazu|lesen)",
    r"zum thema|lesetipps?|weiterlesen|quellen?|schlagwörter",
    # fr
    r"(?:à |a )?lire (?:aussi|également|la suite)|voir aussi|sur le même (?:thème|sujet)|mots-clés",
    # es
    r"le[ae]n? (?:también|más|aquí)|leer (?:también|más)|ver (?:también|más)|te puede interesar",
    r"(?:puede|podría) interesarte|más información|lo más leído|etiquetas|fuente",
    # pt
    r"lei[ay] (?:também|mais|ainda)|ler (?:também|mais)|vej[ao] (?:também|mais)|saiba mais|fonte",
    # it
    r"legg[ie] (?:anche|tutto|di più)|vedi anche|ti potrebbe interessare|approfondisci|fonte",
    # uk, ru
    r"читайте (?:також|также|ще|ещё|еще|далі|далее)|читати (?:також|далі)|читать (?:также|далее)",
    r"(?:дивіться|смотрите) (?:також|также)|більше за темою|по темі|по теме|джерело|источник|теги",
    # nl, pl, sv, da, no
    r"lees (?:ook|meer|verder)|bron|czytaj (?:też|także|również|więcej)|zobacz (?:też|także|"
    r"również)",
    r"läs (?:också|även|mer)|læs (?:også|mere)|les (?:også|mer)",
)
# The same without a colon, where only a pointer begins so and no full stop follows.
_ALSO_BARE = _phrases(
    r"related (?:articles?|story|stories|content|coverage)|read (?:also|more)|also read|see also",
    r"more on this(?: story)?|lesen sie auch|lies auch|mehr zum thema|auch interessant",
    r"(?:à |a )?lire (?:aussi|également)|voir aussi|le[ae]n? también|te puede interesar",
    r"lei[ay] (?:também|mais|ainda)|vej[ao] também|legg[ie] anche|vedi anche",
    r"читайте (?:також|также)|(?:дивіться|смотрите) (?:також|также)|lees ook|czytaj (?:też|także)",
    r"zobacz (?:też|także)|läs (?:också|även)|læs også|les også",
)
# Whole lines.
_ALONE = _phrases(
    r"read (?:more|on|the (?:full|whole|original|rest of the) (?:story|article|post).*|next|"
    r"in app)",
    r"(?:view|see) the (?:full|original) (?:story|article|post).*|continue reading.*|keep reading",
    r"more|full story|(?:click|tap) here.*|related (?:articles?|stories|content)",
    r"original (?:url|source|article|link)|(?:advertisement ?)+|advert|ad|sponsored(?: content|"
    r" by(?!.*[.!?…]\W{0,2}$).{1,60})?",
    r"comments?|leave a (?:comment|reply)|share(?: this)?|tweet|print|email|permalink|photo|"
    r"video",
    r"view (?:comments|in browser|image|gallery)|story continue[sd](?: below.*)?|"
    r"scroll to continue.*",
    r"back to top|skip to .{0,40}|article continues (?:below|after).*|story highlights|"
    r"update[ds]?:?",
    r"copy link|save(?: article)?|listen to (?:this|the) article.*|(?:show|hide|toggle) caption",
    r"enlarge this image.*|embed|transcript|close|subscribe(?: now)?|sign (?:up|in)|log in|menu",
    r"anzeige|werbung|weiterlesen|mehr lesen|teilen|kommentare?",
    r"publicité|lire la suite.*|partager|commentaires?|la suite après.*",
    r"publicidad|publicidade|seguir leyendo|leer más|compartir|comentarios",
    r"continua(?:r)? (?:a )?(?:leggere|lendo).*|pubblicità|condividi|compartilh[ae]r?|ler mais",
    r"реклама|читати далі|читать далее|поділитися|поделиться|коментарі|комментарии|подробнее",
    r"advertentie|reklama|annons|annonce",
)
_NEWSLETTER = _phrases(
    r"(?:please )?(?:sign up|subscribe|register (?:for|to|here|now|today)|join (?:us|our|the))\b"
    r".{0,80}\b(?:newsletters?|inbox|mailing list|"
    r"(?:daily|weekly|email|e-mail) (?:updates|digest)|briefing|podcast|alerts|channel)\b.*",
    r"(?:get|receive) .{0,80}\b(?:in|to) your (?:inbox|mailbox)\b.*",
    r"(?:have|got) a (?:news )?tip(?:\s*[?:]| for us\b| to share\b).*",
    r"(?:download|get) (?:the|our) .{0,40}\bapp(?: (?:for|on|from|now|today|here|to)\b.{0,80})?"
    r"\W{0,3}",
    r"(?:abonnez-vous|inscrivez-vous) .{0,80}|(?:suscr[ií]bete|apúntate) .{0,80}",
    r"(?:assine|inscreva-se) .{0,80}|iscriviti .{0,80}",
    r"(?:підпишіться|підписуйтесь|підписуйтеся|подпишитесь|подписывайтесь) .{0,80}",
)
_NETWORKS = (
    r"(?:twitter|x|facebook|instagram|whatsapp|telegram|youtube|tiktok|tumblr|linkedin|threads|"
    r"flipboard|bluesky|mastodon|google(?: news)?|social)"
)
_FOLLOW = _phrases(
    rf"(?:follow|like|join|find|connect with) (?:us|me) (?:on|at|via) {_NETWORKS}\b.*",
    rf"follow (?:him|her|them|@\w+|(?-i:[A-Z])\S*(?: \S+){{0,8}}) (?:on|at|via) {_NETWORKS}\b.*",
    rf"you can (?:also )?(?:follow|find) (?:us|me|him|her|them|\S+ \S+) on {_NETWORKS}\b.*",
    r"(?:folgen sie|suivez-nous|síguenos|siga-nos|seguici)\b.{0,80}",
    r"share this (?:article|story|page|post|video|link|image|with|on|via)\b.{0,60}",
    rf"share (?:on|via) (?:{_NETWORKS}|e-?mail|reddit|pinterest|pocket)\b.{{0,60}}",
    r"(?:read or )?share this story\b.*",
    r"share your (?:thoughts|comments|views|stories)\b.*|join the conversation\b.*",
    r"(?:send|email) this (?:page|article|story|link)? ?(?:to|via)\b.{0,60}",
    r"(?:in|de)crease article font size|(?:twitter|x):? ?@\w+",
)
_LEGAL = _phrases(
    r"copyright (?:© ?|\(c\) ?)?\d{4}\b.{0,120}|(?:©|\(c\)) ?(?:copyright )?\d{4}\b.{0,120}",
    r"(?:all|some) rights reserved\b.{0,120}",
    r"this material may not be published\b.*|alle rechte vorbehalten.*|tous droits réservés.*",
    r"todos los derechos reservados.*|todos os direitos reservados.*|tutti i diritti riservati.*",
    r"(?:this|a version of this) (?:article|story|post|piece) (?:was |has been |first |"
    r"originally )*"
    r"(?:(?:re)?published|appeared|updated|amended|produced|corrected)\b.*",
    r"originally published (?:on|in|at|by)\b(?!.*, (?-i:[a-z])).{0,80}",
    r"(?:the )?(?:opinions|views)(?: and opinions)? expressed\b.{0,60}\b(?:are|do not|"
    r"don['’]t)\b.*\b(?:authors?|writers?|own|necessarily|reflect|represent|those of)\b.*",
    r"the post .{1,300} appeared first on .{1,120}",
    r"the post .{1,300} first appeared on (?-i:[A-Z]).{1,120}",
    # The same of WordPress in other languages.
    r"(?:der beitrag|l['’]article|la entrada|o post|l['’]articolo|het bericht|inlägget|artykuł|"
    r"příspěvek|сообщение|запис[ьи]?|допис) .{1,300} (?:erschien(?: zuerst)?|est apparu en premier|"
    r"(?:se publicó|apareció|apareceu) primer[oa]|apareceu primeiro|proviene d|"
    r"sembra essere il primo|verscheen eerst|dök först upp|pochodzi z|pochází z|"
    r"появил(?:ось|ась|ись) сначала|(?:спочатку|вперше) з['’ʼ]явив?(?:ся|лась|лося)).{0,120}",
)
# Cookies are also baked: the site's are used, set or accepted, or have to do with a browser.
_COOKIES = _phrases(
    r"(?:we|(?:this|our) (?:web ?)?(?:site|page)s?|by (?:continuing|using)|wir|diese (?:web)?seite|"
    r"nous|ce site|este (?:sitio|site)|utilizamos|usamos|questo sito|цей сайт|этот сайт|ми|мы)"
    r"\b(?=.{0,160}\b(?:use[sd]?|using|accept|consent|polic(?:y|ies)|browser|website|settings|"
    r"privacy|your (?:device|experience)|third[- ]party|verwende[nt]|nutz(?:en|t)|setz(?:en|t)|"
    r"utilis\w{1,4}|utiliz\w{1,4}|usa(?:mos)?|використовує\w{0,2}|использу\w{1,3}|сайт)\b)"
    r"(?!.{0,80}\b(?:hundred|thousand|dozens?|bak(?:e|ed|ing)|chocolate)\b)"
    r".{0,80}\bcookies?\b.*",
    r"(?:accept|manage|reject)(?: all)? cookies?(?: (?:and|to continue|settings|preferences)\b"
    r".{0,30})?\W{0,3}",
    r"(?:цей|этот) сайт.{0,40}(?:файли|файлы)? ?cookies?.*",
)
_PLAYBACK = r"(?:media|video) playback is (?:unsupported|not supported) on (?:this|your) device"
_PICTURES = _phrases(
    r"(?:image|media|video) caption\b(?! (?-i:[a-z])).*|enlarge this image\b.*",
    r"image (?:copyright|source)\b(?! (?-i:[a-z])).*",
    rf"{_PLAYBACK}(?:$|\s*media caption\b.*)",
    r"(?-i:FILE)(?:\s*[–—:].*|\s*--?\s.*|\s+(?:photo|picture|image|video|footage|in this)\b.*|"
    r"\s*)",
    r"file photo\b.*|(?-i:JUST WATCHED|MUST WATCH)\b.*",
    r"(?:just watched|must watch)\b(?!.*[.!?…]\W{0,2}$).*|hide caption\b.*",
    r"(?-i:CLOSE )(?!.*[.!?]$).*",
    r"a post shared by\b(?:.*\(@.*|(?!.*[.!?…]\W{0,2}$).*)",
    r"story highlights\b.*|this slideshow requires javascript.*",
    r"please (?:use|enable) (?:chrome|javascript)\b.*",
    r"this video (?:can ?not be (?:played|shown)|is not (?:available|supported))\b.{0,60}",
)
_THANKS = _phrases(
    rf"\W{{0,8}}(?:(?:additional )?reporting|writing|editing|compiled) by:?\s+{_NAMES_ONLY}",
    rf"\W{{0,8}}(?:additional|with) reporting (?:from|in)\s+{_NAMES_ONLY}",
    r"(?:-{1,2}|—|–)?\s*with (?:files|reporting|additional reporting) (?:from|by)\s+"
    rf"{_NAMES_ONLY}",
    r"editor['’]?s?['’]? note\s*(?:[:(–—-].*|\W{0,3})",
)
_NOISE = re.compile(
    rf"^\W{{0,8}}(?:{_ALSO}\s*(?:[:|»→>]|[–—-]\s).*|{_ALONE}\W{{0,8}}|{_NEWSLETTER}|{_FOLLOW}|"
    rf"{_LEGAL}"
    rf"|{_ALSO_BARE}\b(?!.*[.!?…]\W{{0,2}}$).*|{_COOKIES}|{_PICTURES}|{_THANKS})$"
    r"|^\[/?\w+(?: \w+=[^\]]*)?\].*$",
    re.IGNORECASE,
)
# What tells by a phrase that may stand anywhere: running these patterns over every paragraph would
# cost more than all others do, so one of the words must be there first.
_TELLING = (
    "contribut",
    "click here",
    "caption",
    "pic.twitter",
    "pic.x.com",
    "(@",
    "read more",
    "continue reading",
    "newsletter",
    "inbox",
    "rights reserved",
    "cookie",
    "weiterlesen",
    "leer más",
    "lire la suite",
    "originally published",
)
_ANYWHERE = re.compile(
    r"^(?:.{0,200}\b(?:contributed|contributing) (?:to this (?:report|story|article)\b.{0,60}|"
    r"to the (?:report|story)\W*|"
    r"(?:reporting|research)(?: (?:to this|from|in)\b.{0,60})?\W*)"
    r"|.{0,160}\bclick here\b.{0,60}|.*\bhide caption\b.*|.{0,120}\ball rights reserved\.?"
    # Posts set into an article: "… pic.twitter.com/x — A. Writer (@writer) March 2, 2026".
    r"|.*\bpic\.(?:twitter|x)\.com/\w+.*"
    r"|.*(?:—|–|--) ?[^—–]{1,60}\(@\w+\) \w{3,9}\.? \d{1,2}, \d{4}\W*"
    r"|.{0,60}\b(?:delivered|sent) (?:straight |right |directly )?to your (?:inbox|mailbox)\b.*"
    r"|(?:(?:jetzt|hier|gratis|kostenlos|unseren?|den|zum|für)\s+){0,4}newsletter "
    r"(?:abonnieren|bestellen|anmelden)\b.*"
    r"|.{1,300}\boriginally published (?:in|on|at) .{0,160}\bcontinuing the conversation\b.*"
    r"|(?:.{0,60}\b(?:our|your) |(?:privacy|terms)\b.{0,40} )?cookie (?:policy|settings|notice)\b"
    r"(?! (?:is|was|has|had|broke)\b).{0,60}"
    r"|.{0,200}[^.!?…,;:]\s(?:read more|continue reading|weiterlesen|leer más|lire la suite)\W*)$",
    re.IGNORECASE,
)
# These begin sentences too ("Source: …", "Watch: …"), so a whole one after the colon stays.
_BEGINS_SMALL = re.compile(r"^(?:watch|listen|explainer|more)\s*:\s+(?-i:[a-z])", re.IGNORECASE)
_LABEL = re.compile(r"^(?:source|via|watch|listen|explainer|more)\s*[:|»→].*$", re.IGNORECASE)
_ADDRESS_ONLY = re.compile(
    r"^[<(]?(?:(?:https?://|www\.)\S+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|@\w+)[>)]?$", re.IGNORECASE
)
_NO_LETTERS = re.compile(r"^[\W_]*$")

# Within running text: pages that were flattened to one line keep their pointers between sentences.
_ASIDE = re.compile(
    r"^\W{0,8}(?:(?i:read (?:more|also|this|next|on)|also read|see also|related(?: \w+)?|"
    r"more from)\s*:"
    r"|(?:READ|WATCH|LISTEN|MORE|OPINION|Opinion|Watch|Photos|PHOTOS|Gallery|GALLERY|Video|VIDEO):"
    r"\s+(?=[A-Z\"'‘“\d])).*$"
    rf"|^\W{{0,8}}(?i:{_NEWSLETTER}|{_FOLLOW}|{_LEGAL}|{_PICTURES}|{_THANKS}"
    r"|(?:the )?story continues below.*|article continues (?:below|after).*|advertisement\W{0,8}"
    r"|continue reading (?:the main story|below).*|(?:click|tap) here\b.*"
    r"|for more (?:on|about|information|stories|news)\b.{0,80}\b(?:visit|go to|click|see|follow|"
    r"sign up|subscribe|download)\b.*)$"
    rf"|^(?:[A-Z][\w.]*['’]s |Journalists? )(?=[^.]{{1,160}} (?:reported|wrote) from [A-Z])"
    rf"{_NAMES_ONLY}$"
)

# "PARIS (AP) —", "Paris (AFP) -", "LONDON, March 3 (Reuters) - ", "(CNN) --", "KYIV —": a place, an
# agency or both, then a dash and the beginning of a sentence. A dash that comes again in the same
# sentence is a bracket ("NATO — Germany's partner — said") and stays.
_PLACE = r"[A-ZÀ-ÞЀ-Я][A-ZÀ-ÞЀ-Я.'’/\- ]{1,40}"
_NAME = r"[A-ZÀ-ÞЀ-Я][\w.'’\- ]{1,40}"
_DAY = r"(?:,\s[\w.\- ]{2,30}){0,2}"
_DASH = r"\s*(?:[—–―]|--?)\s*"
_START = r"(?=[A-ZÀ-ÞЀ-Я\"“‘«„\d])"
_DATELINE = re.compile(
    rf"^(?i:{_PLAYBACK})\s+(?=\S)|"
    rf"^(?:(?:{_PLACE}{_DAY}\s*)?\([A-Z][\w.&'’-]{{0,20}}(?: [A-Z][\w.&'’-]{{0,20}}){{0,3}}\)"
    rf"|{_NAME}{_DAY}\s*\(\s*{_AGENCY}(?:[/,; -]+{_NAME}?)?\s*\)){_DASH}{_START}"
    rf"|^{_PLACE}[A-ZÀ-ÞЀ-Я.]{_DAY}(?:\s*—\s*|\s+(?:[–―]|--)\s+)"
    rf"(?=[A-ZÀ-ÞЀ-Я\"“‘«])(?![^.!?]{{0,300}}\s[—–―]\s)"
    # CNN sets no dash: "(CNN)The …", "Moscow (CNN) The …".
    rf"|^(?:{_NAME}{_DAY}\s*)?(?:\(CNN\)\s*|\((?:AP|AFP|Reuters|REUTERS|dpa)\))"
    r"(?=[A-ZÀ-Þ\"“‘'\d])"
    rf"|^\((?:CNN|AP|AFP|Reuters|REUTERS|dpa)\)\s*"
    rf"|^{_AGENCY}\s*(?:[—–―]|--)\s*{_START}(?![^.!?]{{0,300}}\s[—–―]\s)"
)


def is_noise(text: str) -> bool:
    """Whether a paragraph or a line of its own belongs to the page, not to the article."""
    if _NO_LETTERS.match(text) or _ADDRESS_ONLY.match(text):
        return True
    if len(text) > _LONGEST:
        return False
    if _NOISE.match(text) or _tells(text):
        return True
    words = len(text.split())
    whole = bool(SENTENCE_END.search(text))
    if _DATE_LINE.match(text) and not whole:
        return True
    if _BYLINE.match(text) and not whole and words <= _BYLINE_WORDS:
        return True
    if _LABEL.match(text) and not (whole and (words > _LABEL_WORDS or _BEGINS_SMALL.match(text))):
        return True
    # "Photo by A. Writer." is a credit; "Photos by the agency show the damage." is a sentence.
    is_sentence = words > _CREDIT_WORDS and text.endswith(".") and not re.search(r"[:/©|]", text)
    return words <= _LINE_WORDS and not is_sentence and bool(_CREDIT.match(text))


def is_aside(sentence: str) -> bool:
    """Whether a sentence within running text speaks of the page, not of the matter."""
    if len(sentence) > _LONGEST_ASIDE:
        return False
    return bool(_ASIDE.match(sentence)) or _tells(sentence)


def _tells(text: str) -> bool:
    low = text.lower()
    return any(word in low for word in _TELLING) and bool(_ANYWHERE.match(text))


def without_dateline(text: str) -> str:
    """`text` without the place, day and agency that news agencies begin with."""
    match = _DATELINE.match(text)
    return text[match.end() :] or text if match else text

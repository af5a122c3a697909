"""The word lists of verification: negations, opposites, peoples.

Short on purpose: each holds what news uses daily. A language without a list of its own loses the
checks that need one, and keeps the others.
"""

from __future__ import annotations

NEGATIONS = frozenset(
    """
    no not never none nobody nothing nowhere neither nor without cannot cant wont dont
    doesnt didnt isnt arent wasnt werent hasnt havent hadnt wouldnt shouldnt couldnt mustnt
    hardly scarcely barely
    """.split()
)

# Verbs and adjectives that deny without a "not": a source that has one may be told with "not".
DENIALS = frozenset(
    """
    fail fails failed failing failure refuse refuses refused refusing deny denies denied
    denying lack lacks lacked lacking avoid avoids avoided reject rejects rejected rejecting
    unable unlikely impossible stop stopped prevent prevents prevented ban bans banned
    decline declined miss missed missing absent absence cancel cancelled canceled
    """.split()
)

# Words for saying, and other words that a summary may add without claiming anything new.
REPORTING = frozenset(
    """
    said say says saying told tell tells according report reports reported reportedly news
    added announced describes described explained explains
    claims claimed statement spokesman spokeswoman spokesperson mr mrs ms dr
    """.split()
)

_OPPOSITES = """
promise refuse|up fall|down rise|
accept reject|accept refuse|accept decline|approve reject|agree refuse|agree disagree|allow ban|
allow forbid|allow prohibit|allow prevent|allow block|permit ban|legal illegal|admit deny|
confirm deny|affirm deny|acknowledge deny|support oppose|back oppose|favour oppose|
for against|support against|in favour against|praise criticise|praise condemn|welcome condemn|
welcome criticise|commend condemn|applaud condemn|celebrate mourn|rise fall|rise drop|rise decline|
rise decrease|increase decrease|increase fall|increase drop|increase decline|increase reduce|
increase cut|increase lower|raise lower|raise cut|raise reduce|grow shrink|grow decline|gain lose|
gain loss|profit loss|surge plunge|soar plunge|climb fall|jump fall|higher lower|high low|up down|
upward downward|more less|more fewer|most least|many few|majority minority|maximum minimum|
above below|over under|before after|earlier later|early late|first last|ahead behind|
start end|start stop|start finish|begin end|begin stop|begin finish|open close|opened shut|
launch cancel|continue stop|continue end|resume suspend|join leave|enter leave|enter exit|
arrive depart|arrive leave|remain leave|stay leave|return leave|win lose|victory defeat|
victory loss|winner loser|beat lose|success failure|succeed fail|successful unsuccessful|
successfully unsuccessfully|pass fail|hope fear|optimistic pessimistic|good bad|better worse|
best worst|positive negative|strong weak|strengthen weaken|strength weakness|large small|
big small|larger smaller|bigger smaller|long short|longer shorter|tall short|
old young|older younger|oldest youngest|new old|fast slow|quick slow|faster slower|
easy difficult|easy hard|easier harder|rich poor|wealthy poor|expensive cheap|hot cold|warm cold|
wet dry|heavy light|full empty|near far|safe dangerous|safe unsafe|healthy ill|healthy sick|
alive dead|live die|survive die|birth death|born died|kill save|kill rescue|injured unharmed|
guilty innocent|convict acquit|convicted acquitted|guilty acquitted|arrest release|
arrested released|jailed freed|imprison free|detain release|charge clear|charged cleared|
buy sell|bought sold|buyer seller|import export|lend borrow|send receive|
pay receive|hire fire|appoint dismiss|appoint sack|employ dismiss|create destroy|build demolish|
build destroy|construct demolish|include exclude|include omit|remember forget|find lose|
found lost|reveal hide|reveal conceal|expose conceal|public private|national local|
domestic foreign|internal external|northern southern|north south|eastern western|east west|
left right|male female|man woman|men women|boy girl|boys girls|father mother|son daughter|
brother sister|husband wife|king queen|actor actress|day night|morning evening|war peace|
attack defend|attacker victim|attack defence|friend enemy|ally enemy|love hate|
happy sad|happy unhappy|calm angry|true false|correct incorrect|right wrong|accurate inaccurate|
possible impossible|able unable|likely unlikely|certain uncertain|clear unclear|known unknown|
necessary unnecessary|expected unexpected|official unofficial|popular unpopular|stable unstable|
fair unfair|lawful unlawful|aware unaware|usual unusual|common rare|frequent rare|often rarely|
always never|everyone nobody|everything nothing|all none|some none|everywhere nowhere|
with without|inside outside|indoor outdoor|urban rural|ancient modern|past future|past present|
temporary permanent|voluntary compulsory|optional mandatory|optional compulsory|
democrat republican|democratic republican|conservative labour|conservative liberal|
liberal conservative|protect endanger|protect harm|help harm|help hinder|improve worsen|
improve deteriorate|encourage discourage|ease worsen|ease tighten|relax tighten|lift impose|
expand reduce|expand contract|extend shorten|advance retreat|push pull|escalate ease|
unite divide|united divided|connect disconnect|attract repel|attach detach|deploy withdraw|
enable disable|enable prevent|cause prevent|prevent promote|promote demote|promoted relegated|
peaceful violent|peacefully violently|minor major|partial complete|partly completely|
simple complex|simple complicated|active inactive|visible invisible|significant insignificant|
formally informally|direct indirect|directly indirectly|sufficient insufficient|
adequate inadequate|abundance shortage|surplus deficit|shortage surplus|cautious reckless|
confident doubtful|brave cowardly|amateur professional|home away|attacking defending|
upheld overturned|uphold overturn|uphold reverse|keep abandon|maintain abandon|honour breach|
obey violate|respect violate|comply violate|worsening improving|first second|former current|
previous next|last next|ban lift|same different|similar different|trust distrust|optimism pessimism|
strengthened weakened|tighten loosen|warn reassure|threaten reassure|reassured warned|
innocence guilt|freedom captivity|hero villain|ceasefire offensive|minimise maximise|
attend miss|attend skip|attend boycott|embrace shun|embrace reject|endorse reject|endorse oppose|
advocate oppose|urge discourage|demand offer|teach learn|teacher student|question answer|
ask answer|cheer boo|summer winter|spring autumn|dawn dusk|sunrise sunset
"""

OPPOSITES: tuple[tuple[str, str], ...] = tuple(
    (pair[0], pair[1])
    for pair in (line.split() for line in _OPPOSITES.replace("\n", "").split("|"))
    if len(pair) == 2
)

# Words of one kind, of which a text says one: where the source says another, it was exchanged.
_KINDS = """
second minute hour day night week month quarter year decade century|
dozens scores hundreds thousands millions billions trillions|
hundred thousand million billion trillion|
red orange yellow green blue purple pink white black grey gray brown silver gold golden|
north south east west northern southern eastern western north-east northeast southeast northwest
southwest|spring summer autumn winter fall|morning afternoon evening night midnight noon|
yesterday today tomorrow|daily weekly monthly quarterly yearly annual hourly|
father mother son daughter brother sister uncle aunt nephew niece cousin grandfather grandmother
grandson granddaughter husband wife stepfather stepmother widow widower parent sibling|
man woman boy girl baby teenager toddler pensioner|men women boys girls children babies teenagers|
male female|federal provincial state municipal county regional local national|
president chancellor monarch king queen prince princess minister senator governor mayor
congressman ambassador councillor|police army navy troops firefighters soldiers paramedics
coastguard|murder manslaughter assault rape robbery theft burglary fraud arson kidnapping bribery
corruption perjury terrorism espionage blackmail smuggling trafficking|
accused charged convicted acquitted sentenced cleared pardoned suspected|
killed injured wounded hurt unharmed missing rescued|dead alive sick injured ill|
hospital school church mosque temple synagogue prison office factory hotel restaurant shop store
supermarket bank airport station library museum theatre theater stadium university college|
house flat apartment bungalow cottage mansion|street road bridge motorway highway pavement|
river lake sea ocean canal bay beach mountain desert forest valley island|
car van lorry truck bus coach train tram plane helicopter boat ship ferry bicycle motorbike
motorcycle taxi submarine spacecraft|
gun knife rifle pistol bomb grenade sword machete hammer axe|
dog cat horse cow pig sheep goat chicken bird fish snake bear wolf lion tiger elephant monkey
rabbit duck goose whale shark dolphin seal|milk meat rice wheat soy soya corn bread cheese butter
sugar coffee tea beer wine water oil egg fruit vegetable chocolate|
earthquake flood storm hurricane tornado fire wildfire drought avalanche landslide eruption
tsunami heatwave blizzard|cancer flu influenza covid malaria measles cholera ebola diabetes
asthma pneumonia stroke tuberculosis polio dementia|
football soccer rugby cricket tennis golf basketball baseball hockey boxing athletics swimming
cycling|astronomer biologist chemist physicist geologist economist historian psychologist
archaeologist engineer mathematician|
doctor nurse dentist surgeon teacher lawyer judge journalist farmer pilot actor actress singer
musician painter writer author director producer chef driver student pupil professor banker|
lawyer prosecutor judge juror witness defendant plaintiff|
quarter-final semi-final final|gold silver bronze|goal penalty try wicket|
solar nuclear wind coal gas hydroelectric|iron steel copper aluminium gold silver lithium|
primary secondary tertiary|christian muslim jewish hindu buddhist sikh catholic protestant|
kilometre mile metre foot inch yard centimetre|kilogram gram tonne pound ounce litre gallon|
sales profits revenue costs losses debts|wages prices rents taxes tariffs pensions|
import export|founder co-founder successor predecessor|lawmakers judges voters ministers|
parliament court government cabinet council committee commission tribunal|
arm leg hand head foot shoulder knee ankle hip back neck chest stomach|
film book song album play novel poem painting opera musical|
minor major|small large medium|slightly sharply steeply|
breakfast lunch dinner supper|left right|
"""

KINDS: tuple[tuple[str, ...], ...] = tuple(
    tuple(kind.split()) for kind in " ".join(_KINDS.split()).split("|") if kind.strip()
)

# A country and its people in one group; names as one word, in lower case, dots taken out.
_PEOPLES = """
america american americans us usa unitedstates|britain british britons briton uk unitedkingdom|
england english englishman englishwoman|scotland scottish scots scot|wales welsh|
ireland irish irishman|france french frenchman frenchwoman|germany german germans|
spain spanish spaniard spaniards|portugal portuguese|italy italian italians|
netherlands dutch holland|belgium belgian belgians|switzerland swiss|austria austrian|
denmark danish dane danes|sweden swedish swede swedes|norway norwegian|finland finnish finn finns|
iceland icelandic|poland polish pole poles|greece greek greeks|turkey turkish turk turks turkiye|
czechia czech|hungary hungarian|romania romanian|bulgaria bulgarian|serbia serbian serb serbs|
croatia croatian croat|slovakia slovak|slovenia slovenian|ukraine ukrainian|russia russian|
china chinese|japan japanese|korea korean|vietnam vietnamese|thailand thai|philippines filipino
philippine|india indian|pakistan pakistani|bangladesh bangladeshi|afghanistan afghan|iran iranian|
iraq iraqi|israel israeli|syria syrian|lebanon lebanese|egypt egyptian|libya libyan|
morocco moroccan|algeria algerian|tunisia tunisian|saudi saudis|yemen yemeni|kuwait kuwaiti|
qatar qatari|nigeria nigerian|kenya kenyan|ghana ghanaian|somalia somali|sudan sudanese|
ethiopia ethiopian|zimbabwe zimbabwean|congo congolese|mexico mexican|cuba cuban|brazil brazilian|
argentina argentine argentinian|chile chilean|peru peruvian|colombia colombian|
venezuela venezuelan|canada canadian|australia australian|europe european|asia asian|
africa african|palestine palestinian|palestinians palestinian|catalonia catalan|
brittany breton|nepal nepali nepalese|malaysia malaysian|indonesia indonesian|taiwan taiwanese|
burma burmese myanmar|jamaica jamaican|cyprus cypriot|malta maltese|estonia estonian|
latvia latvian|lithuania lithuanian|belarus belarusian|georgia georgian|armenia armenian
"""

PEOPLES: dict[str, int] = {
    name: number
    for number, group in enumerate(" ".join(_PEOPLES.split()).split("|"))
    for name in group.split()
}

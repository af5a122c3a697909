"""Lists of English words that say nothing, or only look like names."""

from __future__ import annotations

FUNCTION_WORDS = frozenset(
    """
    a about above across after again against all almost along already also although always
    am amid among an and another any are around as at away back be because been before
    behind being below between both but by can could despite did do does doing done down
    during each either else enough even ever every few for from further had has have having
    he her here hers herself him himself his how however i if in including indeed inside
    instead into is it its itself just least less like many may me meanwhile might mine more
    most much must my myself near nearly neither next no nor not now of off often on once
    one only onto or other others our ours ourselves out outside over own per perhaps quite
    rather really round same several shall she should since so some such than that the their
    theirs them themselves then there these they this those though through throughout thus
    till to together too toward towards under until up upon us very via was we well were
    what when where whether which while who whom whose why will with within without would
    yes yet you your yours yourself yourselves previously prior currently recently
    subsequently additionally furthermore moreover nevertheless nonetheless therefore hence
    today yesterday tomorrow soon ago cant wont dont doesnt didnt isnt arent wasnt werent
    hasnt havent hadnt wouldnt shouldnt couldnt
    """.split()
)

# Titles and offices stand before a name and are no part of it.
TITLES = frozenset(
    """
    mr mrs ms miss dr sir lord lady dame prof professor president prime minister secretary
    senator sen rep representative governor gov mayor king queen prince princess pope judge
    justice captain capt general gen colonel col lieutenant lt sergeant sgt major chief
    chairman chairwoman chancellor ambassador director manager coach officer chief executive
    deputy vice former detective inspector constable superintendent foreign home health
    finance defence defense education interior attorney premier first lady commissioner
    councillor cllr mp ceo bishop archbishop father reverend rev st saint
    """.split()
)

# Nouns, verbs and participles that open a sentence in news and are no names.
OPENERS = frozenset(
    """
    police officials authorities people residents experts scientists researchers plans
    hundreds thousands dozens millions students teachers doctors nurses workers parents
    children women men firefighters officers detectives prosecutors lawyers lawmakers
    protesters protestors activists campaigners critics supporters fans players staff
    members leaders ministers politicians voters shares sales prices profits figures results
    reports details footage images pictures video tributes concerns questions calls talks
    work two three four five six seven eight nine ten twelve today yesterday tomorrow later
    earlier last first second third according following based given born former new more
    most former local world top state city government parliament president prime minister
    king queen prince court judge council company firm club team health security military
    army soldiers troops rebels militants fighters migrants refugees tourists passengers
    drivers cyclists pilots customers consumers investors analysts economists markets banks
    companies businesses schools universities hospitals patients families friends neighbours
    neighbors relatives witnesses survivors victims suspects emergency rescue fire heavy
    strong high low long big small young old rare human football cricket rugby tennis
    spending research evidence data information news climate water food energy oil gas power
    air sea land space science technology education sport sports music film television man
    woman boy girl teenager mother father couple
    """.split()
)

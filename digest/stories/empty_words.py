"""Words that tell nothing of an event: dates, the trade's own words, other languages' small ones.

More English ones are in `digest.text.lexicon`.
"""

from __future__ import annotations

DATES = frozenset(
    """
    monday tuesday wednesday thursday friday saturday sunday january february april june july
    august september october november december
    """.split()
)
# In every other article of a newspaper; too common to name a group of stories.
TRADE = frozenset(
    """
    said says told asked added called made make makes took take takes came come comes going gone
    went give gives given gave know known year years month months week weeks days hours time
    times march people first second third last next former three four five seven eight nine
    million billion thousand hundred cent percent another news report reports reported according
    spokesman spokeswoman expected including used using want wants wanted need needs still back
    good best better little part since left right number always nothing something everything
    anything someone don't can't that's it's they're we're i'm i've didn't doesn't isn't wasn't
    won got put set let say see use day old way top big six ten two one end state
    """.split()
)
FOREIGN = frozenset(
    """
    de la le el di du da en et es un il lo na os se su te zu im je ne ze op om av på og ou au ao
    der das den dem des und ist mit von aus les aux une par sur que qui ses mes ils est pas del
    los las una con por che non per dei sul sui gli het een van dat och att som med det til har
    kan ein bei nur wie was sie ich wir ihr zum zur auf als bis nie tak się czy pod nad dla más
    sus fue han muy así ont ces nos vos lui eux tem não uma dos pelo für avec dans plus mais
    cette sont être fait elle elles nous vous leur leurs comme tout tous toute toutes aussi
    après avant sans sous entre chez encore très donc alors ainsi selon depuis pendant contre
    même mêmes autre autres deux trois quatre cinq était étaient avait avaient été lors dont
    quand quel quelle aujourd'hui mardi mercredi jeudi vendredi samedi dimanche nicht eine einer
    eines einem einen sich auch nach über beim durch gegen ohne unter zwischen oder aber wenn
    dass sein seine seiner seinen sind wird werden wurde wurden haben hatte hatten kann können
    soll sollen muss müssen mehr noch schon sehr dieser diese dieses diesem diesen alle allem
    allen vom wegen seit während drei vier fünf jahr jahre jahren heute gestern para como pero
    esta este estos estas ese esos porque cuando donde desde hasta sobre también años año tres
    todo todos toda todas otro otra otros otras según tras ante contra durante sido está están
    había tiene tienen será hacer puede pueden ser della delle degli dello nella nelle sono
    anche dopo prima contro senza fra più meno questo questa questi queste quello quella essere
    stato stata stati hanno aveva anni anno umas seus suas pela pelos pelas foram mesmo ainda
    depois antes anos niet voor maar door naar over deze zijn heeft hebben wordt werd meer ook
    nog bij inte eller efter från till över mellan också bara sina ikke etter blev blir vara
    varit hade hans hennes være været blevet jest przez oraz jako tego jego jeszcze tylko także
    jednak przed podczas został это этот эта эти того также после перед года году были было была
    если когда чтобы только который которая которые которого более между через около для как что
    при или его она они
    """.split()
)
# Small words there, words of content in English.
AMBIGUOUS = frozenset("die war hat son sin men pour era ton man under".split())

"""Score how much a text reads like an attempt to take over the model that reads it.

A score to flag and to weigh, not a proof: it knows phrasings, not intent, and a text that quotes
an attack scores like one. Before matching, the text is unmasked: compatibility forms, accents,
invisible characters, look-alike letters, letters set apart and one layer of base64.

Source: OWASP LLM01:2025 (prompt injection), Unicode TR 39 (confusables) and TR 36.
"""

import base64
import binascii
import re
import unicodedata
from dataclasses import dataclass

MAX_DECODED = 65_536
"""Characters of base64 that are decoded in one text."""

_CYRILLIC = dict(zip("авеѕіјкмнорстухԁɡһԛԝѵ", "abesijkmhopctyxdghqwv", strict=True))
_GREEK = dict(zip("αβεικνορτυχγ", "abeiknoptuxy", strict=True))
_LOOK_ALIKES = str.maketrans(_CYRILLIC | _GREEK | {"ı": "i", "ł": "l", "ø": "o", "’": "'"})
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)
_TAGS = re.compile("[\U000e0020-\U000e007e]{4,}")
_MARKS = re.compile("[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]+")
_APART = re.compile(r"(?<!\w)\w(?:[ .\-_*]\w){4,63}(?!\w)")
_BASE64 = re.compile(r"(?<![\w+/=-])[\w+/-]{24,8192}={0,2}(?![\w+/=-])", re.ASCII)
# Names of tools and members, which are read like words: ``ignore_it_all``, ``ignoreItAll``.
_NAME = re.compile(r"(?<![^\W_])[^\W_]++(?:[_-]++[^\W_]++){2,}+|\b[a-z]++(?:[A-Z][a-z]++){2,}+")
_JOINT = re.compile(r"[_-]+|(?<=[a-z])(?=[A-Z])")
# Further apart than any two words of one signal.
_APART_NAMES = "\n" * 128
_SPACES = re.compile(r"[^\S\n]+")

_ORDERS = (
    r"(?:instructions?|prompts?|directives?|programming|commands|orders given|system message"
    r"|content polic(?:y|ies)|(?:(?<=your )|(?:safety|ethical|content) )(?:guidelines|rules"
    r"|filters?))"
)
_BEFORE = (
    r"(?:previous|prior|above|earlier|preceding|foregoing|initial|original|system|your|existing"
    r"|current|all (?:of )?(?:your|the|these|those|prior|my)?)"
)
_OWN = r"(?:your|hidden|secret|internal|confidential|initial|original)"
_SIGNALS: tuple[tuple[str, float, str], ...] = (
    (
        "override",
        0.75,
        r"\b(?:ignor(?:e|ing)|disregard(?:ing)?|forget|overrid(?:e|ing)|bypass|discard|neglect"
        rf"|do not follow|don't follow|stop following|pay no attention to)\b.{{0,30}}?\b{_BEFORE}\b"
        rf"(?!.{{0,12}}\b(?:email|mail|message from|commit|version)).{{0,30}}?\b{_ORDERS}\b",
    ),
    (
        "override",
        0.7,
        r"\b(?:forget|disregard|ignore) (?:about )?(?:everything|anything|all)"
        r" (?:(?:that )?(?:you|i|we)(?:'ve| have| were| was| had)?"
        r" (?:been |just )?(?:told|said|learned|instructed|taught)|(?:written |said )?"
        r"(?:above|before this|prior to this|previously))",
    ),
    (
        "override",
        0.75,
        r"\b(?:ignorier|vergiss|vergessen sie|missacht|uebergeh)\w*\b.{0,30}?"
        r"\b(?:vorherig|bisherig|vorig|obig|vorangegangen|frueher|alle|deine|ihre)\w*\b.{0,30}?"
        r"\b(?:anweisung|instruktion|regel|vorgabe|befehl)\w*",
    ),
    (
        "override",
        0.75,
        r"\b(?:ignora|olvida|olvide|descarta|haz caso omiso)\w*\b.{0,30}?"
        r"\b(?:instrucciones|indicaciones|ordenes|reglas)\b.{0,30}?"
        r"\b(?:anteriores|previas|de arriba|del sistema|originales)",
    ),
    (
        "override",
        0.75,
        r"\b(?:ignore[zr]?|oublie[zr]?|ne (?:tiens|tenez) (?:pas|aucun) compte)\b.{0,30}?"
        r"\b(?:instructions|consignes|directives|regles)\b.{0,30}?"
        r"\b(?:precedentes|anterieures|ci-dessus|du systeme|initiales)",
    ),
    (
        "override",
        0.75,
        r"(?:忽略|无视|忘记|忘掉|不要理会|不用管).{0,10}?(?:之前|以上|上面|前面|先前|此前|所有)"
        r".{0,8}?(?:指令|指示|规则|提示|设定|命令)",
    ),
    (
        "persona",
        0.65,
        r"\bdo anything now\b|\bdan mode\b|\byou are (?:now )?dan\b|\bact as dan\b"
        r"|\b(?:developer|jailbreak|god|unrestricted|debug) mode (?:is )?(?:now )?"
        r"(?:enabled|activated|unlocked)|\bjailbroken\b(?= (?:ai|model|assistant|version|mode))"
        r"|\b(?:act|respond|answer|behave|pretend|roleplay)\b.{0,30}?\b(?:unrestricted|uncensored"
        r"|unfiltered|amoral|evil) (?:ai|model|assistant|bot|chatbot|language model)"
        r"|\b(?:you|ai)\b.{0,24}?\b(?:have|has|with|without|are free (?:of|from)|no longer (?:"
        r"bound|restricted|limited|constrained) by)\b.{0,16}?\b(?:no|any|your|all)? ?(?:"
        r"restrictions"
        r"|(?:ethical|moral|content|safety) (?:guidelines|limits|filters?|rules|constraints|polic))"
        r"|\bdu bist (?:jetzt|nun) (?:dan\b|.{0,20}ohne (?:regeln|einschraenkungen|filter))"
        r"|\bahora eres (?:dan\b|.{0,20}sin (?:reglas|restricciones|filtros))"
        r"|\btu es (?:maintenant|desormais) (?:dan\b|.{0,20}sans (?:regles|restrictions|filtres?))"
        r"|你现在是.{0,12}(?:没有|不受).{0,6}(?:限制|约束)",
    ),
    (
        "prompt_extraction",
        0.65,
        r"\b(?:reveal|show|print|repeat|output|display|tell me|give me|disclose|leak|dump|recite"
        r"|write out|share|expose|what (?:is|are|was|were))\b.{0,30}?"
        rf"\b(?:{_OWN} (?:\w+ )?(?:prompt|system message|developer message)"
        r"|(?:hidden|secret|internal|confidential) instructions"
        r"|your (?:initial|original|system|exact|full|base) (?:instructions|rules|directives))"
        r"|\b(?:repeat|print|output|copy|translate) (?:everything|all(?: of)? the (?:text"
        r"|words)|the (?:text|words|prompt|instructions)) (?:above|before|preceding)\b"
        r"|\bwhat were you (?:told|instructed) (?:to do )?(?:before|at the (?:start|beginning))",
    ),
    (
        "prompt_extraction",
        0.65,
        r"\b(?:zeig|nenn|verrat|gib|wiederhol|offenbar)\w*\b.{0,30}?\b(?:deine?n?|ihren?)\b.{0,20}?"
        r"\b(?:system-?prompt|systemanweisung|systemnachricht|urspruenglichen? anweisung)"
        r"|\b(?:muestra|muestrame|revela|dime|repite|imprime)\w*\b.{0,20}?\b(?:tu|tus|las?)\b.{0,12}?"
        r"\b(?:prompt|instrucciones|mensaje) (?:del? sistema|iniciales|ocultas|originales)"
        r"|\b(?:affiche|revele|montre|donne|repete)\w*\b.{0,20}?\b(?:ton|tes|votre|vos)\b.{0,12}?"
        r"\b(?:prompt|invite|instructions|message) (?:systeme|du systeme|initiales|cachees)"
        r"|(?:显示|告诉我|输出|重复|透露|泄露|打印).{0,8}?(?:你的|您的).{0,8}?"
        r"(?:系统提示|系统指令|提示词|初始指令|隐藏指令)",
    ),
    (
        "role_tags",
        0.6,
        r"<\|(?:im_start|im_end|system|assistant|endoftext|eot_id|start_header_id|begin_of_text)\|>"
        r"|\[/?inst\]|<</?sys>>|<(?:start|end)_of_turn>|(?m:^\W{0,8}(?:#{2,6}|={3,9}|-{3,9}|\[) ?"
        r"(?:(?:new )?system(?: (?:prompt|message|override|instructions?))?) ?"
        r"(?:#{2,6}|={3,9}|-{3,9}|\])?:?$)"
        r"|</?system(?:[_-]prompt|[_-]message)?>",
    ),
    (
        "role_tags",
        0.55,
        r"(?m:^ ?system ?: ?(?:you (?:are|must|will)|ignore|new|override|the (?:assistant|user)))",
    ),
    (
        "exfiltration",
        0.65,
        r"!?\[[^\]\n]{0,80}\]\(\s?https?://[^)\s]{1,300}?(?:\{\{?|%7b|\$\{|<|\[)\w[^)\n]{0,80}"
        r"|\b(?:append|encode|embed|include|insert|put|add)\b.{0,60}?\b(?:conversation|chat history"
        r"|api keys?|passwords?|secrets?|credentials|system prompt|user'?s? (?:data|name|email))\b"
        r".{0,40}?\b(?:url|link|image|query (?:string|parameter)|markdown)"
        r"|\b(?:send|post|upload|exfiltrate|forward|transmit|leak)\b.{0,40}?\b(?:conversation"
        r"|chat history|api keys?|passwords?|secrets|credentials|system prompt|environment variable"
        r"s)\b.{0,40}?\b(?:to|via|at)\b.{0,12}?(?:https?://|[\w.+-]{1,64}@[\w.-]{3}|(?:my|this|our)"
        r" (?:server|webhook|endpoint))",
    ),
    (
        "tool_coercion",
        0.6,
        r"\b(?:call|invoke|use|run|execute|trigger)\b.{0,60}?\b(?:tool|function|command|skill|plugin"
        r"|api)s?\b.{0,60}?\b(?:without (?:asking|confirm|approv|telling|permission|any confirm)"
        r"|(?:do not|don't|never) (?:ask|tell|inform|mention|notify))"
        r"|\b(?:do not|don't|never) (?:tell|inform|alert|notify|mention (?:this|it|that) to)"
        r" the (?:user|human|operator)\b|\bwithout the user(?:'s)? (?:knowledge|knowing|consent"
        r"|noticing)|\b(?:you must|immediately|now) (?:call|invoke|execute|run) (?:the )?"
        r"[`'\"]?\w{1,40}[`'\"]? (?:tool|function)\b",
    ),
    (
        "false_authority",
        0.4,
        r"\b(?:system|admin|administrator|developer|root|security) override\b"
        r"|\bi am your (?:developer|creator|administrator|owner)\b|\b(?:new|updated|real|actual)"
        r" (?:system )?instructions?:|\bend of (?:system|user|the) (?:prompt|input|instructions)\b",
    ),
)
_PATTERNS = [(name, weight, re.compile(pattern, re.S)) for name, weight, pattern in _SIGNALS]


@dataclass(frozen=True, slots=True)
class Injection:
    """How suspicious a text is.

    Args:
        score: 0 (nothing seen) to 1; from 0.5 on it is worth stopping for.
        signals: stable names of what was seen, in alphabetical order; never the text.
    """

    score: float
    signals: tuple[str, ...]


def score(text: str) -> Injection:
    """Score one text, in time linear in its length: about a second for a megabyte."""
    seen = _signals(unmasked(text))
    tags = "".join(chr(ord(c) - 0xE0000) for run in _TAGS.findall(text) for c in run)
    if tags:
        seen = _strongest(seen, {"hidden_text": 0.6}, _signals(unmasked(tags)))
    inner = _signals(unmasked(_decoded(text)))
    if inner:
        seen = _strongest(seen, inner, {"encoded": 0.3})
    if names := _APART_NAMES.join(_JOINT.sub(" ", name) for name in _NAME.findall(text)):
        seen = _strongest(seen, _signals(unmasked(names)))
    innocent = 1.0
    for weight in seen.values():
        innocent *= 1 - weight
    return Injection(round(1 - innocent, 3), tuple(sorted(seen)))


def unmasked(text: str) -> str:
    """Return the text as it reads: lower case, no accents, no invisible or look-alike letters."""
    plain = _INVISIBLE.sub("", text)
    if not plain.isascii():
        # German writes ä as ae without its accents; elsewhere the mark is just dropped.
        plain = unicodedata.normalize("NFKC", plain).lower()
        for umlaut, letters in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
            plain = plain.replace(umlaut, letters)
        plain = _MARKS.sub("", unicodedata.normalize("NFKD", plain)).translate(_LOOK_ALIKES)
    plain = _APART.sub(lambda found: re.sub(r"[ .\-_*]", "", found.group()), plain.lower())
    return _SPACES.sub(" ", plain)


def _signals(text: str) -> dict[str, float]:
    seen: dict[str, float] = {}
    for name, weight, pattern in _PATTERNS:
        if weight > seen.get(name, 0) and pattern.search(text):
            seen[name] = weight
    return seen


def _strongest(*many: dict[str, float]) -> dict[str, float]:
    names = {name for seen in many for name in seen}
    return {name: max(seen.get(name, 0.0) for seen in many) for name in names}


def _decoded(text: str) -> str:
    """Return what the text's base64 runs say, as far as they are text."""
    parts: list[str] = []
    left = MAX_DECODED
    for found in _BASE64.finditer(text):
        run = found.group().rstrip("=").translate(str.maketrans("-_", "+/"))
        left -= len(run)
        if left < 0:
            break
        try:
            said = base64.b64decode(run + "=" * (-len(run) % 4)).decode()
        except (binascii.Error, ValueError):
            continue
        if sum(character.isprintable() or character.isspace() for character in said) == len(said):
            parts.append(said)
    return "\n".join(parts)

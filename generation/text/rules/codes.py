"""Web and mail addresses, file names, handles, telephone and serial numbers."""

from __future__ import annotations

import re

from generation.text.rules.numbers import cardinal, digits, number, pairs
from generation.text.rules.rule import JOINT, Rule, either, lettered, letters, one_of, rule
from generation.text.rules.tables import group, words

_MARKS = {
    ".": "dot", "-": "dash", "_": "underscore", "/": "slash", "\\": "backslash", ":": "colon", "@": "at",
    "&": "ampersand", "?": "question mark", "=": "equals", "#": "hash", "+": "plus", "%": "percent", "~": "tilde",
    "*": "asterisk", "!": "exclamation mark", "$": "dollar", ",": "comma",
}  # fmt: skip


def _name(text: str) -> str:
    """A run of letters inside an address: spelt where it is no word."""
    known = words("words")
    small = text.lower()
    if len(text) == 1:
        return letters(text).removesuffix(JOINT) + JOINT  # no Roman numeral
    if small in group("spelt names") or (len(text) <= 3 and small not in known and not re.search("[aeiouy]", small)):
        return letters(text)
    if text.isupper():
        return small if small in known or len(text) > 4 else letters(text)
    return text


def _address(text: str) -> str:
    """Words of an address, name by name and mark by mark."""
    said: list[str] = []
    for piece in re.findall(r"[A-Za-z]+|\d+|[^A-Za-z\d\s]", text):
        if piece.isdigit():
            said.append(digits(piece))
        elif piece.isalpha():
            before = said[-1] if said else ""
            ending = before == "dot" and piece.lower() not in group("said files")
            spelt = ending and piece.lower() in (*group("spelt domains"), *group("files"))
            said.append(letters(piece) if spelt else _name(piece))
        else:
            said.append(_MARKS.get(piece, ""))
    return " ".join(word for word in said if word)


def _link(match: re.Match[str]) -> str:
    text = match[0]
    tail = re.search(r"[.,;:!?)'\"/]{1,9}$", text)
    stop = tail[0].replace("/", "") if tail else ""
    body = text[: tail.start()] if tail else text
    if not body:
        return text
    port = re.search(r":(\d{4})(?=/|$)", body)
    if port:
        head, rest = body[: port.start()], body[port.end() :]
        return f"{_address(head)} colon {pairs(port[1])} {_address(rest)}".strip() + stop
    return _address(body) + stop


def _file(match: re.Match[str]) -> str:
    return _address(match[0])


def _camel(text: str) -> str:
    parts = re.findall(r"[A-Z]{2,}(?![a-z])|[A-Z]?[a-z]+|[A-Z]|\d+", text.replace("_", " "))
    said = [number(part) if part.isdigit() and not re.fullmatch("[12][09]\\d\\d", part) else part for part in parts]
    return " ".join([said[0], *(w if w.isupper() else w.lower() for w in said[1:])]) if said else ""


def _handle(match: re.Match[str]) -> str:
    return f"at {_camel(match[1]) if not match[1].isdigit() else number(match[1])}"


def link_rules() -> list[Rule]:
    """Links, mail addresses, domains, files, paths, hashtags, handles and IP addresses."""
    ending = either((*group("said domains"), *group("spelt domains")))
    files = one_of("files")
    host = rf"(?:[A-Za-z0-9][\w-]{{0,62}}\.){{1,6}}(?:{ending})\b(?![\w@])"
    rest = r"(?:[/?#:][\w\-./?=&%#~+:,@!$]{0,300})?"
    return [
        rule(r"(?<![\w+.-])(?:1-)?[89]\d\d-(?=[A-Z0-9-]{0,20}[A-Z])[A-Z0-9]{1,10}(?:-[A-Z0-9]{1,10}){0,4}(?![\w-])",
             _vanity),
        rule(r"(?<![\w.])(?:https?|ftp|file|ssh|git)://[^\s<>\"]{1,400}", _link),
        rule(r"(?<![\w.])www\.[^\s<>\"]{1,400}", _link),
        rule(r"(?<![\w.+&/@-])[\w.+&-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,6}"
             r"(?:/[\w/-]{1,200})?", _link),
        rule(rf"(?<![\w.@/-])(?:localhost|\d{{1,3}}(?:\.\d{{1,3}}){{3}}):\d{{2,5}}{rest}", _link),
        rule(rf"(?<![\w@/.-]){host}{rest}", _link),
        rule(r"(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3})(?![\w]|\.\d)",
             lambda m: " dot ".join(digits(part) for part in m[1].split("."))),
        rule(r"(?<![\w.])(?:[A-Za-z]:\\|~/|\.{1,2}/|/(?=[a-z]{2,20}/))[\w.\-/\\]{1,200}", _link),
        rule(rf"(?<![\w./-])[\w-]{{1,60}}(?:\.[\w-]{{1,20}}){{0,3}}\.{files}\b(?![\w-])", _file),
        rule(rf"(?<!\w)\*\.{files}\b", lambda m: f"star {_address(m[0][1:])}"),
        rule(r"(?<![\w.])\.(?=(?:NET|com|org|net|edu|gov|io)\b)", "dot "),
        rule(r"(?<=\bdot )NET\b", "net"),
        rule(r"\bC\+\+", "C plus plus"),
        rule(r"\b([CFJ])#(?!\w)", r"\1 sharp"),
        rule(r"(?<![\w&])#(?=[A-Za-z]|\d{1,9}[A-Za-z]{3})([A-Za-z0-9_]{1,80})", lambda m: f"hashtag {_camel(m[1])}"),
        rule(r"(?<![\w.])@([A-Za-z0-9_]{1,40})(?<!_)", _handle),
    ]  # fmt: skip


_CALLS = re.compile(r"(?i)\b(?:call|dial|ring|phone)")


def _grouped(match: re.Match[str]) -> str:
    said = []
    for part in re.findall(r"\d+|[A-Za-z]+", match[0]):
        if part.isalpha():
            said.append(part)
        else:
            said.append(cardinal(int(part)) if part in ("800", "900") else digits(part))
    return ("plus " if match[0].lstrip("(").startswith("+") else "") + ", ".join(said)


def _coded(match: re.Match[str]) -> str:
    head = "extension" + match[2].removeprefix(".") if match[1].casefold() == "ext" else match[1] + match[2]
    return head + ", ".join(digits(group) for group in re.findall(r"\d+", match[3]))


def _paired(match: re.Match[str]) -> str:
    head, tail = match[3], match[5]
    before = f"{letters(head)} " if head else ""
    return match[1] + match[2] + before + pairs(match[4]) + (f" {tail.upper()}" if tail else "")


def _flight(match: re.Match[str]) -> str:
    """The number after an airline's letters, in a line about flights."""
    flies = re.search(r"(?i)\b(?:flights?|flying|boards?|boarding|departs?|lands?|plane)\b", match.string)
    return match[1] + pairs(match[2]) if flies else match[0]


def telephone_rules() -> list[Rule]:
    """Telephone and card numbers by their form, and codes by the words before them."""
    asked = lettered("digit by digit")
    return [
        rule(r"(?<![\w.,])\d{1,3}(?: 000)+(?![\d.,-])|(?<![\w.,])[1-9]\d?(?: \d{3}){2,4}(?! ?[\d.,-])",
             lambda m: number(m[0].replace(" ", ""))),
        rule(r"(?<=\d{4}),?\s?(?:[Ee]xt\b\.?|[Ee]xtension|x)\s?(\d{1,6})\b", lambda m: f" extension {digits(m[1])}"),
        rule(r"(?<![\w.])\+\d{1,3}(?:[\s.-]?\(?\d{1,5}\)?){1,6}(?![\w])", _grouped),
        rule(r"(?<![\w+.-])(?:1[\s.-])?\(\d{2,5}\)[\s-]?\d{3,4}(?:[\s.-]\d{3,4}){0,2}(?!\w|-\d)", _grouped),
        rule(r"(?<![\w+.$£€,-])(?:1[\s.-])?\d{3}([\s.-])\d{3}\1\d{4}(?:-\d{1,4})?(?![\w])(?!\.\d)", _grouped),
        rule(r"(?<![\w+.$£€,-])\d{3}-\d{2}-\d{4}(?![\w-])", _grouped),
        rule(r"(?<![\w+.$£€,-])0\d{2,4}[\s-]\d{3,4}(?:[\s-]\d{3,4}){1,2}(?![\w-])", _grouped),
        rule(r"(?<![\w+.$£€,-])0\d{4}[\s-]\d{6}(?![\w-])", _grouped),
        rule(r"(?<![\w+.$£€,-])\d{3}-\d{4}(?![\w-])(?!\.\d)", _grouped),
        rule(r"(?<![\w+.$£€,-])\d{4}(?:[\s-]\d{4}){2,4}(?![\w-])", _grouped),
        rule(r"(?<![\w+.$£€,-])\d{3}\.\d{3,4}\.\d{3,4}(?![\w-])", _grouped),
        rule(r"(?i)\b((?:ending|ends) (?:in|with) )(\d\d)(?![\w%]|[.,:/-]\d)", lambda m: m[1] + digits(m[2])),
        rule(rf"\b({asked})\b(\.?(?:\s(?:number|no\.?|code))?(?:\s(?:is|was|it's|are|to|in|with|=|at|on|called)|'s)?[:#]?"
             r"\s(?:#|number |no\. )?)(\d{3,16}(?:[\s-]\d{2,8}){0,4})(?![\w%]|[.,:/]\d)"
             r"(?!\s(?:dollars|people|times|years|percent))", _coded),
        rule(rf"\b({asked})\b((?:\s(?:number|code))?(?:\sis|\swas|:)?:?\s)"
             r"((?=[A-Za-z]{0,12}\d)[A-Za-z0-9]{4,16})\b(?![.:/]\d)", lambda m: m[1] + m[2] + _mixed(m[3])),
        rule(rf"\b({lettered('in pairs')})\b(\s(?:number |no\. |#)?)"
             r"([A-Za-z]{0,3})-?(\d{3,4})([A-Za-z]?)\b(?![.,:/-]\d)",
             _paired),
        rule(rf"\b({one_of('called')})\b( | up )(\d{{3}}(?:\s\d{{4}})?|\d{{5,6}})(?![\w-]|[.,:/]\d)"
             r"(?! (?!or\b|and\b|for\b|now\b|if\b)[a-z])", _coded),
        rule(r"(?i)(\btext [^.!?\d]{1,30}\bto)( )(\d{5,6})(?![\w-]|[.,:/]\d)", _coded),
        rule(r"(?<=\b(?:or|to) )(?:911|999|112)\b", lambda m: digits(m[0]) if _CALLS.search(m.string) else m[0]),
        rule(rf"(?<={JOINT}[A-Z])( )(\d{{3,4}})\b(?![.,:-]\d)", _flight),
        rule(r"\b401\(?k\)?", "four oh one K"),
        rule(r"\b501\(?c\)?(?:\((\d)\))?", lambda m: "five oh one C" + (f" {cardinal(int(m[1]))}" if m[1] else "")),
        rule(r"\b403\(?b\)?", "four oh three B"),
        rule(r"(?<![\w.,$£€/-])0\d{1,29}(?![\w.,:/-]|\s?-)", lambda m: digits(m[0])),
    ]  # fmt: skip


def _vanity(match: re.Match[str]) -> str:
    def said(part: str) -> str:
        if part.isdigit():
            return cardinal(int(part)) if part in ("800", "900") else digits(part)
        return part.lower() if re.search("[AEIOUY]", part) else letters(part)

    return ", ".join(map(said, match[0].split("-")))


def _mixed(text: str) -> str:
    """Letters and figures of a code, all one by one."""
    return " ".join(letters(part) if part.isalpha() else digits(part) for part in re.findall(r"[A-Za-z]+|\d+", text))


def _serial(match: re.Match[str]) -> str:
    """Letters and figures in one: names of letters, short figures as numbers, long ones digit by digit."""
    said: list[str] = []
    for part in re.findall(r"[A-Za-z]+|\d+", match[0]):
        if part.isdigit():
            flight = len(part) in (3, 4) and match[0][0].isupper() and part == match[0][-len(part) :]
            short = len(part) <= 2 and not (len(part) > 1 and part[0] == "0")
            said.append(cardinal(int(part)) if short else pairs(part) if flight else digits(part))
        else:
            known = words("words")
            said.append(part if len(part) > 3 or (len(part) > 1 and part.lower() in known) else letters(part))
    return " ".join(said)


def serial_rules() -> list[Rule]:
    """Whatever mixes letters with figures and is nothing else: models, gates, licence plates."""
    return [
        rule(r"(?<=[A-Za-z]\d)-(?=[A-Za-z]{1,3}\d)|(?<=[A-Za-z]\d\d)-(?=[A-Za-z]{1,3}\d)", " "),
        rule(r"(?<![\w.,])(?=[A-Za-z]{0,30}\d)(?=\d{0,30}[A-Za-z])[A-Za-z0-9]{2,40}(?![\w])", _serial),
        rule(r"(?<=[A-Za-z]-)(\d{1,2})(?=-[A-Za-z\d])", lambda m: cardinal(int(m[1]))),
        rule(r"(?<=[/-])(\d{5,30})(?=[-/]|\b)", lambda m: digits(m[1])),
        rule(r"(?<=[A-Z]-)(\d{3,4})\b(?!-)", lambda m: pairs(m[1])),
    ]  # fmt: skip

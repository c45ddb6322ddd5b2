"""Answers in Japanese (numerals, 万 and 億, 円周率, counters, bounds) in the notation of the other rules."""

from __future__ import annotations

import re

_ANY = re.compile(r"[\u3001-\u30ff\u3400-\u9fff\uff00-\uffef\u3000]")
_FULL_WIDTH = str.maketrans(
    {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)} | {0x3000: " "}
)
_ENDINGS = re.compile(
    r"(?:と(?:なります|なる|分かります|わかります|求まります|求められます)|に(?:なります|なる)|であります|である|でした|です|だ|であり|"
    r"と(?:答える|言える|いえる))?[。.．、\s]*$"
)
_DIGITS = {sign: number for number, sign in enumerate("〇一二三四五六七八九")} | {"零": 0}
_SMALL = {"十": 10, "百": 100, "千": 1_000}
_LARGE = {"万": 10**4, "億": 10**8, "亿": 10**8, "兆": 10**12}
_SIGNS = "".join([*_DIGITS, *_SMALL, *_LARGE])
# After what counts things nothing but an ending may follow: 三角形 and 一次関数 hold no number.
_COUNTERS = "個人本枚冊匹頭台回円度歳才年月日点倍組杯羽番秒分時つ箱軒題問桁面辺"
_NUMERAL = re.compile(
    rf"(?<![0-9A-Za-z\u3400-\u9fff.々])(?P<number>[-+]?\d[\d,]*(?:\.\d+)?[{''.join(_SMALL)}{''.join(_LARGE)}][\d,{_SIGNS}]*|[{_SIGNS}]+)"
    rf"(?=$|[\s。、,.)\]}}+\-*/^=<>×÷:;%]|[{_COUNTERS}]|通り|種類|パーセント|センチ|ミリ|キロ|メートル|グラム|リットル|平方|立方|ドル|分の|以上|以下|未満|より|を超|です|であ|と|か|[a-zπ√]|ルート|円周率|乗)"
)
_UNITS = [
    (re.compile(pattern), unit)
    for pattern, unit in (
        (r"平方厘米", " cm^2"), (r"立方厘米", " cm^3"), (r"平方米", " m^2"), (r"立方米", " m^3"), (r"厘米", " cm"), (r"千米|公里", " km"),
        (r"千克|公斤", " kg"), (r"平方センチ(?:メートル)?", " cm^2"), (r"立方センチ(?:メートル)?", " cm^3"), (r"平方キロ(?:メートル)?", " km^2"),
        (r"平方メートル", " m^2"), (r"立方メートル", " m^3"), (r"センチ(?:メートル)?", " cm"), (r"ミリ(?:メートル)?", " mm"),
        (r"キログラム", " kg"), (r"キロメートル|キロ", " km"), (r"メートル", " m"), (r"グラム", " g"), (r"リットル", " l"),
        (r"パーセント", "%"), (r"ドル", " dollars"), (r"ユーロ", " euros"), (r"時間", " hours"),
    )
]  # fmt: skip
_BEHIND = r"(?<=[\dπa-z)\]}½²³ ])"
_COUNTED = re.compile(
    rf"{_BEHIND}(?:通り|種類|番目|番号|週間|ヶ月|か月|カ月|[{_COUNTERS}])(?=$|[\s,、。)]|と|または|以上|以下|未満|より|を超)"
)
_RANGE = re.compile(
    r"^(?:(?P<symbol>[a-zA-Z])\s*は\s*)?"
    r"(?:(?P<low>[^以未より]+?)(?P<from>以上|より大きく|より大きい|を超え(?:る)?)[、, ]*)?"
    r"(?:(?P<high>[^以未より]+?)(?P<to>以下|未満|より小さい))?(?:の(?:範囲|値|数|実数))?$"
)
_WORDS = {
    "はい": "yes",
    "いいえ": "no",
    "真": "true",
    "偽": "false",
    "正しい": "true",
    "正しくない": "false",
    "なし": "none",
}


def plain(text: str) -> str:
    """A Japanese answer in digits, signs and units as elsewhere; any other text as it is."""
    if not _ANY.search(text):
        return text
    text = text.translate(_FULL_WIDTH).strip()
    text = _ENDINGS.sub("", text).strip(" 「」『』【】")
    if text in _WORDS:
        return _WORDS[text]
    text = re.sub(r"^(?:約|およそ|ちょうど)\s*", "", text)
    text = _NUMERAL.sub(_number, text)
    text = (
        text.replace("円周率", "π")
        .replace("無限大", "∞")
        .replace("マイナス", "-")
        .replace("プラス", "+")
    )
    text = re.sub(r"ルート\s*", "√", text)
    text = re.sub(r"(.+)の(\d+)倍$", r"\2(\1)", text)
    text = re.sub(r"の?(\d+|[a-z])乗", r"^{\1}", text)
    text = re.sub(r"(\d+)と(\d+)分の(\d+)", r"\1 \3/\2", text)
    text = re.sub(r"([0-9a-zA-Z.π√()]+)分の([0-9a-zA-Z.π√()]+)", r"(\2)/(\1)", text)
    for pattern, unit in _UNITS:
        text = pattern.sub(unit, text)
    text = re.sub(r"(?<=[\d)])度", "°", text)
    text = re.sub(rf"{_BEHIND}円(?:/|$)", " yen", text)
    text = _COUNTED.sub("", text)
    text = re.sub(
        r"\s*(?:、|および|及び|または|又は|もしくは|あるいは)\s*|(?<=[\w)])\s?と\s?(?=[\w(√-])",
        ", ",
        text,
    )
    return _bounds(text.strip())


def _bounds(text: str) -> str:
    """5以上 as [5, ∞), 3以上7未満 as [3, 7)."""
    match = _RANGE.match(text)
    if match is None or not (match["low"] or match["high"]):
        return text
    low, high = (match["low"] or "-∞").strip(), (match["high"] or "∞").strip()
    if not re.search(r"[\dπ√]", low + high):
        return text
    return f"{'[' if match['from'] == '以上' else '('}{low}, {high}{']' if match['to'] == '以下' else ')'}"


def _number(match: re.Match[str]) -> str:
    """The digits of 3万5千, 五十六 or 二〇二四."""
    text = match["number"].replace(",", "")
    if text == "万" or len(text) > 30:
        return match[0]
    total, part, digits = 0.0, 0.0, ""
    for sign in text:
        if sign in _SMALL:
            part += (float(digits) if digits else 1) * _SMALL[sign]
            digits = ""
        elif sign in _LARGE:
            total += ((part + float(digits)) if digits else part or 1) * _LARGE[sign]
            part, digits = 0.0, ""
        else:
            digits += str(_DIGITS.get(sign, sign))
    total += part + (float(digits) if digits else 0)
    return str(int(total)) if total == int(total) else repr(total)

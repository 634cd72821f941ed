"""Conversions of single cells: what is read, and what is not."""

import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.dates import dated, day, moment
from mappings.reachable import email_quality, lacks_lead, phone_quality
from mappings.text import Placeholders, as_text, norm
from mappings.values import number, word, yes_no
from mappings.words import country_code

TOKYO = ZoneInfo("Asia/Tokyo")
EMPTY = Placeholders(["なし", "不明", "-", "n/a", "test", "テスト", "x", "0000"])


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("  Ａｃｍｅ　Corp ", "acme corp"),
        ("<p>な<b>し</b>&nbsp;</p>", "なし"),
        ("<p>a</p><p>b</p>", "a b"),
        ("<style>p {color: red}</style>決裁", "決裁"),
        ("a < b & c", "a < b & c"),
        ("\u3000\u200b\n", None),
        ("<br/>&nbsp;", None),
        ("ﾃｽﾄ", "テスト"),
        ("x" * 100, "x" * 80),
        (" " * 1000 + "late", "late"),
        ("a" + " " * 1000 + "b", "a b"),
    ],
)
def test_texts_are_compared_in_one_form(text: str, normal: str | None) -> None:
    assert norm(text) == normal


@given(st.text(alphabet=st.characters(exclude_characters="<&")))
def test_space_around_a_text_makes_no_difference(text: str) -> None:
    normal = norm(text)
    assert norm(f"\u3000 {text}\n") == normal
    assert normal is None or (normal == normal.strip() and 0 < len(normal) <= 80)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        ("", None),
        ("  ", None),
        (" a ", " a "),
        (True, "true"),
        (12, "12"),
        (0.1, "0.1"),
        (1e16, "10000000000000000"),
        (["a", None, "b"], "a;b"),
        ([], None),
        ({"a": 1}, '{"a":1}'),
    ],
)
def test_json_values_are_written_as_they_were_sent(
    value: object, text: str | None
) -> None:
    assert as_text(value) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1200", "1200"),
        ("1,234,567.89", "1234567.89"),
        ("¥1,000", "1000"),
        ("￥１，０００", "1000"),
        ("$12.5", "12.5"),
        ("1,000円", "1000"),
        (" -5 ", "-5"),
        ("¥-5", "-5"),
        ("-¥5", "-5"),
        ("0", "0"),
        (".5", "0.5"),
        ("1.23456", "1.2346"),
        ("8.0E7", "80000000"),
        ("1e5", "100000"),
        ("1.13E+11", "113000000000"),
        ("-1.42E-14", "0"),
        ("-2.5E3", "-2500"),
        ("\\1,234", "1234"),
        ("▲1,234", "-1234"),
        ("△1,234", "-1234"),
        ("(1,234)", "-1234"),
        ("（1,234）", "-1234"),
        ("−5", "-5"),
        ("1,234-", "-1234"),
        ("JPY 1,234", "1234"),
        ("1,234 JPY", "1234"),
        ("€5", "5"),
        ("5 €", "5"),
        ("1'234.50", "1234.5"),
        ("1200万円", "12000000"),
        ("1.2億円", "120000000"),
        ("1億2,000万円", "120000000"),
        ("1,200千円", "1200000"),
        ("12百万円", "12000000"),
        ("12%", "0.12"),
        ("99999999999999", "99999999999999"),
    ],
)
def test_numbers_are_read(text: str, value: str) -> None:
    assert number(text) == Decimal(value)


@pytest.mark.parametrize(
    "text",
    [
        *("1,00", "12,34,567", "1 000", "¥", "--5", "-¥-5", "約100", "1.234,56"),
        *("nan", "inf", "100000000000000", "99999999999999.99999", "1.2.3", "11-50"),
        *("-(5)", "(5", "5)", "1E", "E5", "1E400", "万", "1万億", "3人", "#N/A"),
    ],
)
def test_nothing_else_is_a_number(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        number(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.234,56", "1234.56"),
        ("1 234,50", "1234.5"),
        ("-1.234,56 €", "-1234.56"),
        ("1.234", "1234"),
        ("12,5%", "0.125"),
    ],
)
def test_a_decimal_comma_is_read_where_the_mapping_says_so(
    text: str, value: str
) -> None:
    assert number(text, ",") == Decimal(value)
    with pytest.raises(ValueError, match=r".*"):
        number("1.5", ",")


@pytest.mark.parametrize(
    "text",
    [
        *("2026-04-01", "2026/04/01", "2026/4/1", "2026-4-1", "2026年4月1日"),
        *(
            "２０２６年４月１日",
            " 2026-04-01 ",
            "2026-04-01 09:30",
            "2026-04-01T09:30:15",
        ),
        *(
            "2026.4.1",
            "2026. 4. 1",
            "2026/4/1(水)",
            "2026年4月1日（水）",
            "2026-4-1 (Wed)",
        ),
        *("令和8年4月1日", "R8.4.1", "r8/4/1", "㋿8年4月1日", "2026/4/1(水) 10:00"),
        *("2026年4月1日 午後3時5分", "2026/4/1 3:05 PM", "2026年4月1日午前10時"),
        *("1775001600000", "1774969200000", "2026-04-01 09:30:00 UTC"),
    ],
)
def test_days_are_read(text: str) -> None:
    assert day(text, TOKYO) == dt.date(2026, 4, 1)


@pytest.mark.parametrize(
    "text",
    [
        *("2026-02-30", "20260401", "4/1/2026", "2026-4/1", "2026年4月", "26-04-01"),
        *("2026-04-01T25:00", "2026-04-01T09", "2026-04-0109:30", "46113", "April 1"),
    ],
)
def test_nothing_else_is_a_day(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        day(text, TOKYO)


@pytest.mark.parametrize(
    ("text", "utc", "on"),
    [
        ("2026-04-01T09:30:00Z", "2026-04-01T09:30:00", 1),
        ("2026-04-01T23:30:00.123Z", "2026-04-01T23:30:00.123000", 2),
        ("2026-04-01T00:00:00.000+0000", "2026-04-01T00:00:00", 1),
        ("2026-04-01T01:00+09:00", "2026-03-31T16:00:00", 1),
        ("2026-04-01 09:30", "2026-04-01T00:30:00", 1),
        ("2026/4/1 9:30", "2026-04-01T00:30:00", 1),
        ("2026年4月1日 9:30", "2026-04-01T00:30:00", 1),
        ("2026/4/1(水) 午後3:05", "2026-04-01T06:05:00", 1),
        ("2026-04-01 午後12:30", "2026-04-01T03:30:00", 1),
        ("2026-04-01 12:30 AM", "2026-03-31T15:30:00", 1),
        ("1774969200000", "2026-03-31T15:00:00", 1),
        ("2026-04-01T09:30:00-0330", "2026-04-01T13:00:00", 1),
    ],
)
def test_times_go_to_utc_and_keep_the_local_day(text: str, utc: str, on: int) -> None:
    found = moment(text, TOKYO)
    assert found.at == dt.datetime.fromisoformat(utc).replace(tzinfo=dt.UTC)
    assert (found.day, found.has_time) == (dt.date(2026, 4, on), True)


def test_a_bare_date_stays_that_date_in_every_zone() -> None:
    for zone in (TOKYO, ZoneInfo("America/New_York")):
        found = moment("2026-04-01", zone)
        assert (found.day, found.has_time) == (dt.date(2026, 4, 1), False)
        assert found.at.astimezone(zone).time() == dt.time()


@pytest.mark.parametrize(
    ("text", "notations", "iso"),
    [
        ("4/1/26", ["%m/%d/%y"], "2026-04-01"),
        ("01.04.2026 09:30", ["%d.%m.%Y %H:%M"], "2026-04-01T09:30:00"),
        ("01.04.2026", ["%d.%m.%Y %H:%M"], "2026-04-01"),
        ("9/10/2025 4:37", ["%m/%d/%Y"], "2025-09-10T4:37"),
        ("9/10/2025 4:37 PM", ["%m/%d/%Y"], "2025-09-10T4:37 PM"),
        ("03/05/2026T09:10:11+0900", ["%m/%d/%Y"], "2026-03-05T09:10:11+0900"),
        ("9/10/2025 16:37", ["%m/%d/%Y %I:%M %p"], "2025-09-10T16:37"),
        ("31.12.2026", ["%m/%d/%Y", "%d.%m.%Y"], "2026-12-31"),
        ("46113", ["excel"], "2026-04-01"),
        ("46113.5", ["%m/%d/%Y", "excel"], "2026-04-01T12:00:00"),
        ("not that", ["%m/%d/%y", "excel"], "not that"),
    ],
)
def test_a_notation_of_its_own_is_brought_to_iso(
    text: str, notations: list[str], iso: str
) -> None:
    assert dated(text, notations) == iso


def test_the_first_year_of_an_era_has_a_name_of_its_own() -> None:
    assert day("令和元年5月1日", TOKYO) == day("H31.5.1", TOKYO) == dt.date(2019, 5, 1)


def test_yes_and_no_are_read_in_both_languages() -> None:
    assert all(map(yes_no, ["true", "TRUE", "1", "1.0", "yes", "はい", " Yes "]))
    assert not any(map(yes_no, ["false", "0", "No", "いいえ", "０"]))
    for text in ("y", "ok", "2", "○"):
        with pytest.raises(ValueError, match=text):
            yes_no(text)


@pytest.mark.parametrize(
    ("words", "text", "canonical"),
    [
        ("class", "重要顧客", "key"),
        ("class", "Priority", "priority"),
        ("kind", "打合せ", "meeting"),
        ("kind", "ＴｏＤｏ", "task"),
        ("outcome", "不在", "no_answer"),
    ],
)
def test_japanese_words_stand_for_the_canonical_ones(
    words: str, text: str, canonical: str
) -> None:
    assert word(text, words) == canonical


@pytest.mark.parametrize(
    ("text", "quality"),
    [
        ("03-1234-5678", "ok"),
        ("０３ー１２３４ー５６７８", "ok"),
        ("03(1234)5678", "ok"),
        ("TEL: 090-1234-5678", "ok"),
        ("03-1234-5678 内線 123", "ok"),
        ("03-1234-5678（代）", "ok"),
        ("代表 03-1234-5678", "ok"),
        ("03-1234-5678 ext. 12", "ok"),
        ("03-1234-5678x12", "ok"),
        ("+81 3-1234-5678", "ok"),
        ("+81-(0)3-1234-5678", "ok"),
        ("+1 206 555 9857", "ok"),
        ("なし / 03-1234-5678", "ok"),
        ("0000000\n03-1234-5678", "ok"),
        ("1234567890", "invalid"),
        ("81-3-1234-5678", "invalid"),
        ("03-12", "invalid"),
        ("03-1234-567", "invalid"),
        ("03-1234-56789", "invalid"),
        ("090-1234-567", "invalid"),
        ("3.12346E+08", "invalid"),
        ("03-0000-0000", "placeholder"),
        ("0120-000-000", "placeholder"),
        ("03-1234-5678　090-1234-5678", "ok"),
        ("0120-123-456", "ok"),
        ("電話なし希望", "invalid"),
        ("+999 1", "invalid"),
        ("111-1111", "placeholder"),
        ("0000000", "placeholder"),
        ("00-0000-0000", "placeholder"),
        ("不明", "placeholder"),
        ("Ｎ／Ａ", "placeholder"),
        ("-", "placeholder"),
        ("なし、111-1111", "placeholder"),
    ],
)
def test_phones_are_judged_as_people_write_them(text: str, quality: str) -> None:
    assert phone_quality(text, "JP", EMPTY) == quality


def test_a_number_that_lost_its_lead_in_a_spreadsheet_is_known() -> None:
    assert all(lacks_lead(text, "JP") for text in ("312345678", "81312345678"))
    for text in ("0312345678", "31234567", "3-1234-5678", "111111111", "9999"):
        assert not lacks_lead(text, "JP")


@pytest.mark.parametrize(
    ("text", "country", "quality"),
    [
        ("(206) 555-9857", "US", "ok"),
        ("138 1234 5678", "CN", "ok"),
        ("030-0074321", "DE", "ok"),
        ("30-0074321", "DE", "invalid"),
        ("(11) 91234-5678", "BR", "ok"),
        ("06 698 1234", "IT", "ok"),
        ("03-1234-5678", "ZZ", "invalid"),
    ],
)
def test_a_trunk_prefix_is_asked_for_where_it_is_always_written(
    text: str, country: str, quality: str
) -> None:
    assert phone_quality(text, country, EMPTY) == quality


@pytest.mark.parametrize(
    ("text", "quality"),
    [
        ("taro@example.co.jp", "ok"),
        ("Taro.Yamada+crm@Example.COM", "ok"),
        ("ｔａｒｏ＠ｅｘａｍｐｌｅ．ｊｐ", "ok"),
        ("taro.@docomo.ne.jp", "ok"),
        ("ta..ro@docomo.ne.jp", "ok"),
        ("taro@company.test", "ok"),
        ("taro@例え.jp", "ok"),
        ("a@b.jp; broken@", "ok"),
        ("a@b.jp/c@d.jp", "ok"),
        ("info@b.jp taro@b.jp", "ok"),
        ("山田 太郎 <taro@b.jp>", "ok"),
        ("mailto:taro@b.jp?subject=x", "ok"),
        ('"Sales" <sales@b.jp>', "generic"),
        ("info@company.jp", "generic"),
        ("SOUMU@company.jp", "generic"),
        ("noreply@company.jp", "invalid"),
        ("do not@company.jp", "invalid"),
        ("taro@localhost", "invalid"),
        ("taro@@company.jp", "invalid"),
        ("taro@-company.jp", "invalid"),
        ("taro", "invalid"),
        ("@company.jp", "invalid"),
        ("a@a", "placeholder"),
        ("test@company.jp", "placeholder"),
        ("taro@test.co.jp", "placeholder"),
        ("なし@", "placeholder"),
        ("なし", "placeholder"),
    ],
)
def test_addresses_are_judged_by_their_syntax(text: str, quality: str) -> None:
    assert email_quality(text, EMPTY) == quality


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *(
            ("JP", "JP"),
            ("日本", "JP"),
            ("Japan", "JP"),
            ("jpn", "JP"),
            ("ドイツ", "DE"),
        ),
        *(
            ("USA", "US"),
            ("米国", "US"),
            ("UK", "GB"),
            ("Germany", "DE"),
            ("韓国", "KR"),
        ),
        *(("Atlantis", None), ("", None), (None, None)),
    ],
)
def test_countries_are_known_by_code_and_name(text: str | None, code: str) -> None:
    assert country_code(text) == code

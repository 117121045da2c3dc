"""What is no query is left out before it is read; code, tables, TeX and other languages are read whole."""

import random
import re

import pytest

from classifiers import QueryFacts, default_classifier
from classifiers.features import read
from classifiers.part import READ_CHARS, part_of

SHIPPED = default_classifier()
QUERIES = (
    "Which of these planets has the shortest year, and how long is it compared with ours?",
    "Let G be a finite group of order twelve. How many subgroups of order three has it?\nA. 1\nB. 2\nC. 4\nD. 6\nAnswer:",
    "Explain how a mortgage with a variable rate differs from one with a fixed rate.",
)


def drawn(letters: str, count: int) -> str:
    draw = random.Random(7)
    return "".join(draw.choice(letters) for _ in range(count))


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize(
    "noise",
    [
        "🚀🔥🔥🎉👍🏽",
        drawn("アイウエオカキクケコサシスセソタチツテト", 60),
        "1" + drawn("0123456789abcdef", 200) + "f",
        drawn("!@#$%^&*()[]{};:,.<>?/|~", 80),
        " ".join(drawn("bcdfghjklmnpqrstvwxz", 48)[at : at + 8] for at in range(0, 48, 8)),
        "!!!!!!!!!!!!",
        "??",
        "Kind regards,\nSam",
        "x7#Kq!^z0~@mP$ ^?u%&R`|\\w3 *#@!9^~",
        " ".join(drawn("bcdfghjklmnpqrstvwxz", 320)[at : at + 8] for at in range(0, 320, 8)),
        "This is extremely hard, use the best model.",
        "Please think step by step and show your work.",
    ],
    ids=[
        "emoji",
        "katakana",
        "hexadecimal",
        "marks",
        "words",
        "exclamation marks",
        "??",
        "sign-off",
        "line noise",
        "40 words",
        "a claim",
        "a plea",
    ],
)
def test_noise_behind_a_query_moves_nothing(query: str, noise: str):
    assert SHIPPED.score(QueryFacts(f"{query} {noise}")) == SHIPPED.score(QueryFacts(query))


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize(
    "padding",
    [
        "Hello, hope you are doing well.",
        "URGENT: expert-level problem, think step by step and prove rigorously.",
        "Hi! I hope this finds you well. Please think step by step.",
    ],
)
def test_greetings_and_pleas_before_a_query_move_nothing(query: str, padding: str):
    assert SHIPPED.score(QueryFacts(f"{padding} {query}")) == SHIPPED.score(QueryFacts(query))


@pytest.mark.parametrize(
    "text",
    [
        "Please prove this. Every planar graph has a vertex of degree five or less.",
        "Hello, prove that the square root of two is irrational.",
        "Does the report of the committee say anything with regards to taxes",
        "Please design it carefully. The cache is shared by four services",
    ],
)
def test_what_is_asked_for_is_no_padding(text: str):
    asked = {b"prove", b"regards", b"taxes", b"design"} & set(
        text.lower().encode().replace(b".", b"").split()
    )
    assert asked <= set(read(QueryFacts(text)).words)


@pytest.mark.parametrize(
    "text",
    [
        "What does this print?\n```js\nconst f = (x) => { return [[{ a: (x) }]]; };\n```",
        "Why is this slow?\n\nfor (i = 0; i < n; i++) { for (j = 0; j < n; j++) { a[i][j] = (b[j]); }}}});",
        "Which row is the largest?\n\n| a | b |\n|---|---|\n| 1 | 2 |\n|---|---|",
        "Evaluate the integral $$\\int_0^1 \\frac{\\sqrt{x}}{(1+x)^{2}} \\, dx.$$",
        "The capital of the country that lies to the north of Spain is ____________?",
        "Translate this into English please: 私は昨日友達と一緒に東京の美術館へ行きました",
        "What is the meaning of the following sentence? It says: Я вчера ходил в музей современного искусства",
        "Warum ist der Himmel blau und abends rot, und was hat das mit der Streuung zu tun?",
        "请给我解释一下为什么天空是蓝色的。并且给出一个简单的例子。",
        "Answer the question below in one line. "
        + "公司应当依法纳税并对股东负责。股东可以查阅公司章程。" * 40,
        "Which of these pages is the newest? https://example.org/a?x=1&y=%20#z and https://example.org/b#q",
        "Why does this fail?\n```\n$x =~ s/^\\s+|\\s+$//g; @y = map { $_ ^ 1 } %h; print `ls|wc` if !~/#/;\n```",
        "Give a summary in one line. " + "Der Ausschuss vertagte seine Beratungen abermals. " * 20,
        "For an element of a C*-algebra, what is the value of $\\|A^*A\\|$ and of $\\sqrt{\\|A\\|^2}$?",
        "What does this regular expression match ^(?:[a-z0-9!#$%&*+/=?^_{|}~-]+)@example",
        "What protein has this sequence? MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQ",
        "What is wrong with the following assembly? movzx pushq popq cmovz leaq retq",
        "Answer truthfully and at length. Udowodnij twierdzenie o elemencie pierwotnym oraz podaj kontrprzyklad",
        "Add up this column of the table. kvarg 3 flumph 9 zorbix 2 prwtq 7",
        "Translate to German: thank you very much",
        "How should my letter to the king end: yours sincerely, John",
        "What is the sentiment of this review? It is really hard to use and very expensive.",
        "Which algorithm is likely to have made this hash: 5f4dcc3b5aa765d61d8327deb882cf99",
    ],
    ids=[
        "code",
        "brackets",
        "table",
        "TeX",
        "blank",
        "Japanese",
        "Russian",
        "German",
        "Chinese",
        "long Chinese",
        "addresses",
        "Perl",
        "long German",
        "norms",
        "expression",
        "sequence",
        "assembly",
        "Polish",
        "columns",
        "thanks to translate",
        "an ending to choose",
        "a review",
        "hash",
    ],
)
def test_code_tables_tex_and_other_languages_are_read_whole(text: str):
    assert SHIPPED.reading(QueryFacts(text)).words == read(QueryFacts(text)).words
    bare = re.split(r"\W+", part_of(text).data.decode())
    assert [word.decode() for word in read(QueryFacts(text)).words] == [
        piece for word in bare for piece in word.split("_") if piece
    ]


@pytest.mark.parametrize("words", [1_500, 4_000, 40_000])
def test_how_wide_white_space_is_changes_nothing_however_long_the_text(words: int):
    some = ["alpha", "river", "theorem", "of", "seven"] * (words // 5)
    narrow, wide = QueryFacts(" ".join(some)), QueryFacts("  \n".join(some))
    assert SHIPPED.score(wide) == pytest.approx(SHIPPED.score(narrow), abs=0.01)
    assert read(wide).form == pytest.approx(read(narrow).form, abs=0.01)


def test_what_grows_in_its_plain_form_is_made_plain_no_further_than_is_read():
    grown = part_of("start " + "\ufdfa" * 9_000 + " finish").data
    assert grown.startswith(b"start ")
    assert grown.endswith(b" finish")
    assert len(grown.decode()) <= READ_CHARS + 1


def test_a_sentence_of_pleading_words_is_read_where_nothing_else_is_there():
    assert read(QueryFacts("Think step by step.")).words == [b"think", b"step", b"by", b"step"]


def test_signs_that_nobody_sees_change_nothing():
    plain = QueryFacts(QUERIES[0])
    hidden = QueryFacts(QUERIES[0].replace(" ", " \u200b").replace("e", "e\u200d\u00ad"))
    assert SHIPPED.score(hidden) == SHIPPED.score(plain)


def test_blanks_around_a_query_change_nothing_however_many():
    plain = SHIPPED.score(QueryFacts(QUERIES[0]))
    assert SHIPPED.score(QueryFacts(" " * 30_000 + QUERIES[0] + "\n" * 30_000)) == plain

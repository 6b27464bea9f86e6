"""Lines and columns are exact."""

import pytest

from mys3d.config.toml_text import locate, read_toml

DOCUMENT = """\
# a comment with port = 1

[node]
name = "a"   # zone

zone = [
  "one",
  "two",
]
  capacity = '''
many
lines'''
[s3]
port = 9000
"a key" = 1
"""


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("node", (3, 2)),
        ("node.name", (4, 1)),
        ("node.zone", (6, 1)),
        ("node.capacity", (10, 3)),
        ("s3", (13, 2)),
        ("s3.port", (14, 1)),
        ("s3.a key", (15, 2)),
    ],
)
def test_a_statement_is_found_where_it_starts(path: str, place: tuple[int, int]) -> None:
    assert locate(tuple(DOCUMENT.splitlines()), path) == place


def test_a_key_inside_an_inline_table_is_found_by_its_name() -> None:
    assert locate(('s3 = { region = "x", port = 1 }',), "s3.port") == (1, 22)


def test_a_dotted_key_is_found() -> None:
    assert locate(("", "s3.port = 1"), "s3.port") == (2, 4)


def test_known_keys_are_returned_with_their_types() -> None:
    read = read_toml("f.toml", '[s3]\nport = 9000\nregion = "eu"\n')
    assert read.found == {"s3.port": 9000, "s3.region": "eu"}
    assert not read.problems


def test_an_unknown_key_is_named_with_the_nearest_known_one() -> None:
    (problem,) = read_toml("f.toml", '[s3]\nregoin = "eu"\n').problems
    assert problem.where == "f.toml:2:1"
    assert problem.message == 'unknown key "regoin" in [s3] - did you mean "region"?'
    assert problem.excerpt == '    2 | regoin = "eu"'


def test_a_key_of_another_table_is_sent_there() -> None:
    (problem,) = read_toml("f.toml", '[node]\nbucket = "x"\n').problems
    assert problem.message.endswith("it belongs to [s3]")


def test_a_key_like_nothing_we_know_gets_no_guess() -> None:
    (problem,) = read_toml("f.toml", "[node]\nqqqq = 1\n").problems
    assert problem.message == 'unknown key "qqqq" in [node]'


def test_an_unknown_table_and_a_table_that_is_none_are_problems() -> None:
    first, second = read_toml("f.toml", "s3 = 4\n[nod]\nname = 1\n").problems
    assert first.message == "s3 must be a table, written [s3]"
    assert second.message == 'unknown table "nod" - did you mean "node"?'


def test_text_that_is_not_toml_is_one_problem_at_its_place() -> None:
    (problem,) = read_toml("f.toml", "[s3]\nport = = 1\n").problems
    assert problem.where == "f.toml:2:8"
    assert problem.message.startswith("this is not TOML: ")


def test_text_that_ends_too_early_is_a_problem_of_its_last_line() -> None:
    (problem,) = read_toml("f.toml", '[s3]\nregion = """eu').problems
    assert problem.where.startswith("f.toml:2:")


def test_a_line_with_a_secret_is_not_shown() -> None:
    (problem,) = read_toml("f.toml", '[node]\nsecret_key = "do-not-print"\n').problems
    assert "do-not-print" not in str(problem)

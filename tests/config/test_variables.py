"""The environment and `.env`."""

from mys3d.config.variables import read_variables


def test_blanks_around_a_value_do_not_count() -> None:
    assert read_variables({}, "S3_PORT= 9000\n").found == {"S3_PORT": ("9000", ".env:1:1 S3_PORT")}
    assert read_variables({"S3_PORT": " 9000 "}, "").found == {"S3_PORT": ("9000", "S3_PORT")}


def test_the_environment_wins_over_the_file() -> None:
    assert read_variables({"S3_PORT": "1"}, "S3_PORT=2").found["S3_PORT"] == ("1", "S3_PORT")


def test_an_empty_variable_counts_as_not_set() -> None:
    assert read_variables({"S3_PORT": ""}, "S3_PORT=2\nS3_BUCKET=\n").found == {"S3_PORT": ("2", ".env:1:1 S3_PORT")}


def test_quotes_and_dollar_signs_are_kept_as_written() -> None:
    found = read_variables({}, 'S3_SECRETKEY="a$HOME${X}b\'c"\n').found
    assert found["S3_SECRETKEY"][0] == "a$HOME${X}b'c"


def test_a_line_is_counted_past_blanks_and_comments() -> None:
    found = read_variables({}, "\n# first\n\n\nS3_PORT=1\n\nexport S3_BUCKET=b\n").found
    assert found["S3_PORT"][1] == ".env:5:1 S3_PORT"
    assert found["S3_BUCKET"][1] == ".env:7:1 S3_BUCKET"


def test_a_line_that_is_no_assignment_is_a_problem_with_its_line() -> None:
    (problem,) = read_variables({}, "S3_PORT=1\nwhat is this\n").problems
    assert problem.where == ".env:2:1"


def test_an_unknown_name_of_ours_is_a_problem_with_a_guess() -> None:
    (problem,) = read_variables({"MYS3D_CAPCITY": "2TB"}, "").problems
    assert (problem.where, problem.message) == ("MYS3D_CAPCITY", "unknown variable - did you mean MYS3D_CAPACITY?")


def test_names_of_others_are_none_of_our_business() -> None:
    variables = read_variables({"HOME": "/root", "MYS3D_CONFIG": "x.toml"}, "OTHER=1\n")
    assert not variables.problems


def test_service_links_of_kubernetes_configure_nothing() -> None:
    variables = read_variables(
        {"MYS3D_PORT": "tcp://10.0.0.1:9000", "MYS3D_SERVICE_HOST": "10.0.0.1", "MYS3D_PORT_9000_TCP_PORT": "9000"}, ""
    )
    assert not variables.problems
    assert not variables.found
    assert len(variables.notes) == 3

"""The table of settings is sound, and the example file says what it says."""

from mys3d.config.settings import BY_ANCESTOR, BY_PATH, BY_VARIABLE, SETTINGS, TABLES, is_placeholder


def test_every_name_is_given_once() -> None:
    assert len(BY_PATH) == len(BY_VARIABLE) == len(SETTINGS)


def test_the_six_names_of_the_ancestor_are_known() -> None:
    assert set(BY_ANCESTOR) == {"S3_ENDPOINT", "S3_PORT", "S3_ACCESSKEY", "S3_SECRETKEY", "S3_BUCKET", "DB_BOLT_PATH"}


def test_a_setting_has_one_spelling_per_source() -> None:
    setting = BY_PATH["s3.access_key"]
    assert (setting.flag, setting.variable) == ("--access-key", "MYS3D_ACCESS_KEY")
    assert TABLES == ("node", "s3", "admin", "peers", "log")


def test_placeholders_are_known_in_any_case_and_in_angle_brackets() -> None:
    assert is_placeholder("your-S3-accesskey")
    assert is_placeholder(" <your access key> ")
    assert not is_placeholder("MYKEY")

"""`mys3d user` and `mys3d key`: who may speak to the store, and with which keys.        Floor: top. Called by: root."""

import json
from typing import Any

import click

from mys3d.cli import admin_client
from mys3d.cli.configuration import data_directory

_data = click.option("--data", metavar="DIR", help="The node's directory [MYS3D_DATA, ./mys3d-data].")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def user() -> None:
    """Create, list and delete users.

    A user has buckets of its own and no right to those of others. USER is a name, an id or an e-mail address.
    """


@user.command("create")
@_data
@_json
@click.option("--email", metavar="ADDRESS", default="", help="Another name to find the user by.")
@click.argument("name")
def user_create(data: str | None, as_json: bool, email: str, name: str) -> None:
    """Create a user. Give it a key with: mys3d key create NAME"""
    made = _ask(data, "user-create", {"name": name, "email": email})
    click.echo(json.dumps(made) if as_json else _line(made))


@user.command("list")
@_data
@_json
def user_list(data: str | None, as_json: bool) -> None:
    """List all users, one a line: id, name, e-mail."""
    found = _ask(data, "user-list", {})
    click.echo(json.dumps(found) if as_json else "\n".join(map(_line, found)), nl=as_json or bool(found))


@user.command("delete")
@_data
@click.argument("name", metavar="USER")
def user_delete(data: str | None, name: str) -> None:
    """Delete a user and all its keys. Refused while it owns buckets."""
    click.echo(f"deleted {_line(_ask(data, 'user-delete', {'user': name}))}")


@click.group()
def key() -> None:
    """Create, list and delete the access keys of users. Root's key comes from the configuration and is none of them."""


@key.command("create")
@_data
@_json
@click.argument("name", metavar="USER")
def key_create(data: str | None, as_json: bool, name: str) -> None:
    """Give a user one key more, and print it with its secret: it is not shown again."""
    made = _ask(data, "key-create", {"user": name})
    click.echo(json.dumps(made) if as_json else f"access key  {made['access_key']}\nsecret key  {made['secret_key']}")


@key.command("list")
@_data
@_json
@click.argument("name", metavar="[USER]", default="")
def key_list(data: str | None, as_json: bool, name: str) -> None:
    """List access keys, one a line, with the name of their user."""
    users = _ask(data, "user-list", {"user": name})
    found = [{"access_key": each, "user": user["name"]} for user in users for each in user["access_keys"]]
    lines = [f"{each['access_key']}  {each['user']}" for each in found]
    click.echo(json.dumps(found) if as_json else "\n".join(lines), nl=as_json or bool(found))


@key.command("delete")
@_data
@click.argument("access_key", metavar="ACCESS_KEY")
def key_delete(data: str | None, access_key: str) -> None:
    """Delete an access key: what it signs is refused by every node, a moment later by the slowest."""
    click.echo(f"deleted {_ask(data, 'key-delete', {'access_key': access_key})['access_key']}")


def _ask(data: str | None, action: str, asked: dict[str, str]) -> Any:
    return admin_client.ask_any(data_directory(data), "POST", f"/{action}", asked)


def _line(user: dict[str, Any]) -> str:
    return f"{user['id']}  {user['name']}  {user['email']}".rstrip()

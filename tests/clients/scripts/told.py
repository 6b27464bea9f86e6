"""For the scripts that run inside a client's own environment: what they are told, and how they tell."""

import json
import os
from pathlib import Path

ENDPOINT = os.environ["CLIENT_ENDPOINT"]
KEY = os.environ["AWS_ACCESS_KEY_ID"]
SECRET = os.environ["AWS_SECRET_ACCESS_KEY"]
BUCKET = os.environ["CLIENT_BUCKET"]
FOLDER = Path(os.environ["CLIENT_FOLDER"])
TRUSTED = os.environ["CLIENT_TRUSTED"] or None

SMALL = b"hello, object"
LARGE = bytes(range(256)) * 4096 * 12  # 12 MiB: every client cuts it into parts
ODD = "a b+c/\u00e9 %2F(x)~.txt"

_steps = []


def step(function):
    _steps.append(function)
    return function


def run(version):
    """Take every step; one that fails does not keep the others from being tried."""
    print(json.dumps([version]), flush=True)
    for function in _steps:
        name = function.__name__.replace("_", " ")
        try:
            function()
        except BaseException as error:  # noqa: BLE001 (whatever a client raises is what came of the step)
            print(json.dumps([name, f"{type(error).__name__}: {error}"[:600]]), flush=True)
        else:
            print(json.dumps([name, ""]), flush=True)

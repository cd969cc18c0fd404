"""Forms as objects and back: nothing is lost, and what is no form is refused."""

from __future__ import annotations

import base64

import httpx
import pytest

from aqueduct_jupyter.gateway.requests.forms import MOST_FIELDS, decode_form, encode_form
from aqueduct_jupyter.protocol.errors import InvalidRequestError

SOUND = b"RIFF \0 \r\n--x\r\n sound"


def test_a_form_comes_back_as_it_was() -> None:
    sent = httpx.Request(
        "POST",
        "http://a.invalid",
        data={"model": "whisper", "prompt": "H\u00e9", "granularities[]": ["word", "segment"]},
        files={"file": ("a b.wav", SOUND, "audio/wav")},
    )
    fields = decode_form(sent.read(), sent.headers["content-type"])
    assert fields == {
        "model": "whisper",
        "prompt": "H\u00e9",
        "granularities": ["word", "segment"],
        "file": {
            "filename": "a b.wav",
            "media_type": "audio/wav",
            "data": base64.b64encode(SOUND).decode(),
        },
    }
    body, content_type = encode_form(fields)
    assert decode_form(body, content_type) == fields


@pytest.mark.parametrize(
    ("body", "content_type", "says"),
    [
        (b"", "multipart/form-data; boundary=x", "no fields"),
        (b"--x--\r\n", "multipart/form-data; boundary=x", "form"),
        (b"words", "multipart/form-data; boundary=x", "not a valid form"),
        (b"--x\r\n", "multipart/form-data", "form"),
        (b"\xff" * 100, "multipart/form-data; boundary=\xff", "form"),
    ],
)
def test_what_is_no_form_is_refused(body: bytes, content_type: str, says: str) -> None:
    with pytest.raises(InvalidRequestError, match=says):
        decode_form(body, content_type)


def test_a_form_has_a_bound() -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n'
    with pytest.raises(InvalidRequestError, match=f"at most {MOST_FIELDS}"):
        decode_form(part * (MOST_FIELDS + 1) + b"--x--\r\n", "multipart/form-data; boundary=x")

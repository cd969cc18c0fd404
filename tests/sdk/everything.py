"""A program: what the API's page shows, done with the OpenAI SDK that is on the path.

It runs in a process of its own, because two lines of the SDK cannot live in one. Its arguments are
the address and the version that is expected. Only the client's side is asserted here.
"""

from __future__ import annotations

import base64
import json
import sys
import tempfile
from pathlib import Path

import openai
from pydantic import BaseModel

from tests.gateway.documents import samples

POEM = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "Write me a short poem!"},
]
TOPIC = {"type": "text", "text": "What is the main topic of this document?"}


class Greeting(BaseModel):
    greeting: str
    count: int


def main() -> None:
    address, version = sys.argv[1:]
    assert openai.__version__.startswith(version), openai.__version__
    client = openai.OpenAI(base_url=address, max_retries=0, timeout=30)
    for step in (
        ask_whole,
        ask_streamed,
        ask_with_every_parameter,
        ask_for_a_schema,
        parse_a_class,
        call_a_tool,
        show_an_image,
        send_a_file_inline,
        send_a_file_by_id,
        look_after_files,
        list_models,
        meet_errors,
    ):
        step(client)
        print(step.__name__, flush=True)
    client.close()


def ask_whole(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="real-name", messages=POEM)
    assert answer.choices[0].message.content == "Hello"
    assert answer.usage.total_tokens == 5
    assert answer._request_id.startswith("req_")


def ask_streamed(client: openai.OpenAI) -> None:
    plain = list(client.chat.completions.create(model="real-name", messages=POEM, stream=True))
    assert "".join(chunk.choices[0].delta.content for chunk in plain) == "Hello"
    counted = list(
        client.chat.completions.create(
            model="real-name", messages=POEM, stream=True, stream_options={"include_usage": True}
        )
    )
    assert counted[-1].usage.completion_tokens == 2


def ask_with_every_parameter(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="demo/story-3",
        messages=POEM,
        max_tokens=50,
        temperature=0.0,
        top_p=0.5,
        n=2,
        stop=["a", "b", "c", "d"],
        presence_penalty=0.5,
        frequency_penalty=-0.5,
        user="ada",
        seed=7,
        metadata={"course": "101"},
        extra_body={"top_k": 3},
    )
    assert [choice.index for choice in answer.choices] == [0, 1]


def ask_for_a_schema(client: openai.OpenAI) -> None:
    schema = {
        "type": "object",
        "properties": {"greeting": {"type": "string"}, "count": {"type": "integer"}},
        "required": ["greeting", "count"],
    }
    answer = client.chat.completions.create(
        model="demo/schema",
        messages=POEM,
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "schema", "schema": schema},
        },
    )
    assert set(json.loads(answer.choices[0].message.content)) == {"greeting", "count"}


def parse_a_class(client: openai.OpenAI) -> None:
    completions = client.chat.completions
    if not hasattr(completions, "parse"):
        completions = client.beta.chat.completions
    answer = completions.parse(model="demo/schema", messages=POEM, response_format=Greeting)
    assert isinstance(answer.choices[0].message.parsed, Greeting)


def call_a_tool(client: openai.OpenAI) -> None:
    tool = {
        "type": "function",
        "function": {
            "name": "weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
    question = {"role": "user", "content": "call the tool"}
    answer = client.chat.completions.create(model="real-name", messages=[question], tools=[tool])
    message = answer.choices[0].message
    (call,) = message.tool_calls
    assert json.loads(call.function.arguments) == {"city": "Segovia"}
    result = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
    again = client.chat.completions.create(
        model="real-name", messages=[question, message, result], tools=[tool]
    )
    assert again.choices[0].message.content == "Hello"


def show_an_image(client: openai.OpenAI) -> None:
    url = "https://example.invalid/boardwalk.jpg"
    content = [
        {"type": "text", "text": "What's in this image?"},
        {"type": "image_url", "image_url": {"url": url}},
    ]
    client.chat.completions.create(
        model="real-name", messages=[{"role": "user", "content": content}], max_tokens=50
    )


def send_a_file_inline(client: openai.OpenAI) -> None:
    data = base64.b64encode(samples.pdf("inline words")).decode()
    file = {"filename": "sample.pdf", "file_data": f"data:application/pdf;base64,{data}"}
    message = {"role": "user", "content": [{"type": "file", "file": file}, TOPIC]}
    client.chat.completions.create(model="real-name", messages=[message])


def send_a_file_by_id(client: openai.OpenAI) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "sample.pdf")
        path.write_bytes(samples.pdf("uploaded words"))
        file = client.files.create(file=path, purpose="user_data")
    part = {"type": "file", "file": {"file_id": file.id}}
    message = {"role": "user", "content": [part, TOPIC]}
    client.chat.completions.create(model="real-name", messages=[message])


def look_after_files(client: openai.OpenAI) -> None:
    content = b"\x00\xff words"
    file = client.files.create(file=("a.bin", content), purpose="user_data")
    assert (file.bytes, file.filename, file.status) == (len(content), "a.bin", "processed")
    assert client.files.retrieve(file.id) == file
    assert file in list(client.files.list(purpose="user_data", limit=1))
    assert client.files.content(file.id).read() == content
    assert client.files.delete(file.id).deleted
    try:
        client.files.retrieve(file.id)
    except openai.NotFoundError as error:
        assert error.code == "file_not_found"
    else:
        raise AssertionError("the file is still there")


def list_models(client: openai.OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert "real-name" in names
    assert client.models.retrieve("campus/real-name").id == "campus/real-name"


def meet_errors(client: openai.OpenAI) -> None:
    stranger = client.with_options(api_key="wrong")
    for expected, call in (
        (openai.AuthenticationError, lambda: stranger.models.list()),
        (openai.AuthenticationError, lambda: chat(stranger)),
        (openai.AuthenticationError, lambda: stranger.files.create(file=b"x", purpose="evals")),
        (openai.NotFoundError, lambda: chat(client, model="no-such-model")),
        (openai.BadRequestError, lambda: chat(client, temperature=99)),
        (openai.RateLimitError, lambda: chat(client, model="demo/fail-429")),
        (openai.UnprocessableEntityError, lambda: chat(client, model="demo/fail-422")),
        (openai.InternalServerError, lambda: chat(client, model="demo/fail-500")),
        (openai.APIError, lambda: list(chat(client, model="demo/cut", stream=True))),
    ):
        try:
            call()
        except expected as error:
            assert error.message, expected
        else:
            raise AssertionError(f"no {expected}")


def chat(client: openai.OpenAI, **more: object) -> object:
    return client.chat.completions.create(**{"model": "real-name", "messages": POEM, **more})


if __name__ == "__main__":
    main()

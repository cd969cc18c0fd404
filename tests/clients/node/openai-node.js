// A program: the OpenAI SDK for Node, with chat completions and with responses.
import OpenAI from 'openai';
import { assert, run, task } from './task.js';

const client = new OpenAI({ baseURL: task.address, apiKey: task.key, maxRetries: 0 });
const isResponses = task.api === 'responses';
const weather = {
  name: 'weather',
  description: 'Look up the weather.',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false
  }
};
const tools = isResponses
  ? [{ type: 'function', strict: true, ...weather }]
  : [{ type: 'function', function: weather }];
const greeting = {
  type: 'object',
  properties: { greeting: { type: 'string' }, count: { type: 'integer' } },
  required: ['greeting', 'count'],
  additionalProperties: false
};

function create(asked, more = {}) {
  const said = typeof asked === 'string' ? [{ role: 'user', content: asked }] : asked;
  const body = { model: task.model, ...more };
  return isResponses
    ? client.responses.create({ ...body, input: said })
    : client.chat.completions.create({ ...body, messages: said });
}

function textOf(answer) {
  return isResponses ? answer.output_text : answer.choices[0].message.content;
}

function stream(asked, more = {}) {
  const said = [{ role: 'user', content: asked }];
  const body = { model: task.model, ...more };
  return isResponses
    ? client.responses.stream({ ...body, input: said })
    : client.chat.completions.stream({ ...body, messages: said });
}

async function giveResult(question, answer) {
  const said = [{ role: 'user', content: question }];
  if (isResponses) {
    const [{ type, call_id, name, arguments: given }] = answer.output;
    assert(JSON.parse(given).city === 'Segovia', given);
    said.push({ type, call_id, name, arguments: given });
    said.push({ type: 'function_call_output', call_id, output: task.weather });
  } else {
    const { message } = answer.choices[0];
    const [call] = message.tool_calls;
    assert(JSON.parse(call.function.arguments).city === 'Segovia');
    said.push(message, { role: 'tool', tool_call_id: call.id, content: task.weather });
  }
  assert(textOf(await create(said, { tools })) === 'Hello');
}

async function show(scenario, inResponses, inChat) {
  const text = task.questions[scenario];
  const content = isResponses
    ? [inResponses, { type: 'input_text', text }]
    : [inChat, { type: 'text', text }];
  assert(textOf(await create([{ role: 'user', content }])) === 'Hello');
}

await run({
  async plain() {
    const answer = await create(task.questions.plain);
    assert(textOf(answer) && answer.usage.total_tokens > 0);
    assert(answer._request_id.startsWith('req_'));
  },
  async streamed() {
    const answer = stream(task.questions.streamed);
    const whole = await (isResponses ? answer.finalResponse() : answer.finalChatCompletion());
    assert(textOf(whole));
  },
  async tool() {
    await giveResult(task.questions.tool, await create(task.questions.tool, { tools }));
  },
  async streamed_tool() {
    const question = task.questions.streamed_tool;
    const answer = stream(question, { tools });
    const whole = await (isResponses ? answer.finalResponse() : answer.finalChatCompletion());
    await giveResult(question, whole);
  },
  async schema() {
    const named = { name: 'greeting', strict: true, schema: greeting };
    const form = isResponses
      ? { text: { format: { type: 'json_schema', ...named } } }
      : { response_format: { type: 'json_schema', json_schema: named } };
    const answer = await create(task.questions.schema, form);
    assert(JSON.parse(textOf(answer)).count === 2);
  },
  async image() {
    const url = `data:image/png;base64,${task.image}`;
    const inResponses = { type: 'input_image', image_url: url, detail: 'low' };
    await show('image', inResponses, { type: 'image_url', image_url: { url } });
  },
  async file() {
    const data = `data:application/pdf;base64,${task.pdf}`;
    const file = { filename: 'sample.pdf', file_data: data };
    await show('file', { type: 'input_file', ...file }, { type: 'file', file });
  },
  async file_id() {
    const file = { file_id: task.file_id };
    await show('file_id', { type: 'input_file', ...file }, { type: 'file', file });
  },
  async cancel() {
    const events = await create(task.questions.cancel, { stream: true });
    for await (const event of events) {
      if (JSON.stringify(event).includes('Once')) {
        break;
      }
    }
  },
  async error() {
    const asking = client.withOptions({});
    const body = { model: 'no-such-model' };
    const said = [{ role: 'user', content: task.questions.error }];
    try {
      await (isResponses
        ? asking.responses.create({ ...body, input: said })
        : asking.chat.completions.create({ ...body, messages: said }));
    } catch (error) {
      assert(error instanceof OpenAI.NotFoundError && error.code === 'model_not_found');
      return;
    }
    assert(false, 'no error');
  }
});

// A program: the AI SDK with its OpenAI provider: responses, its default, and chat completions.
import { createOpenAI } from '@ai-sdk/openai';
import { generateText, isStepCount, Output, streamText, tool } from 'ai';
import { z } from 'zod';
import { assert, run, task } from './task.js';

const provider = createOpenAI({ baseURL: task.address, apiKey: task.key });
const choose = name => (task.api === 'responses' ? provider(name) : provider.chat(name));
const common = { model: choose(task.model), maxRetries: 0 };
const weather = tool({
  description: 'Look up the weather.',
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => {
    assert(city === 'Segovia', city);
    return task.weather;
  }
});

async function textOfStream(question, more = {}) {
  const errors = [];
  const onError = ({ error }) => errors.push(error);
  const answer = streamText({ ...common, prompt: question, onError, ...more });
  let text = '';
  for await (const part of answer.textStream) {
    text += part;
  }
  assert(errors.length === 0, String(errors[0]?.stack));
  return text;
}

async function show(scenario, part) {
  const content = [{ type: 'text', text: task.questions[scenario] }, part];
  const answer = await generateText({ ...common, messages: [{ role: 'user', content }] });
  assert(answer.text === 'Hello', answer.text);
}

await run({
  async plain() {
    const answer = await generateText({ ...common, prompt: task.questions.plain });
    assert(answer.text && answer.usage.outputTokens > 0);
  },
  async streamed() {
    assert(await textOfStream(task.questions.streamed));
  },
  async tool() {
    const answer = await generateText({
      ...common,
      prompt: task.questions.tool,
      tools: { weather },
      stopWhen: isStepCount(3)
    });
    assert(answer.text === 'Hello', answer.text);
  },
  async streamed_tool() {
    const more = { tools: { weather }, stopWhen: isStepCount(3) };
    assert((await textOfStream(task.questions.streamed_tool, more)) === 'Hello');
  },
  async schema() {
    const schema = z.object({ greeting: z.string(), count: z.number().int() });
    const output = Output.object({ schema });
    const answer = await generateText({ ...common, prompt: task.questions.schema, output });
    assert(answer.output.count === 2, JSON.stringify(answer.output));
  },
  async image() {
    await show('image', { type: 'file', mediaType: 'image/png', data: task.image });
  },
  async file() {
    const mediaType = 'application/pdf';
    await show('file', { type: 'file', mediaType, data: task.pdf, filename: 'sample.pdf' });
  },
  async file_id() {
    const data = { type: 'reference', reference: { openai: task.file_id } };
    await show('file_id', { type: 'file', mediaType: 'application/pdf', data });
  },
  async cancel() {
    const leaving = new AbortController();
    const answer = streamText({
      ...common,
      prompt: task.questions.cancel,
      abortSignal: leaving.signal
    });
    for await (const part of answer.textStream) {
      assert(part === 'Once', part);
      leaving.abort();
    }
  },
  async error() {
    try {
      const model = choose('no-such-model');
      await generateText({ ...common, model, prompt: task.questions.error });
    } catch (error) {
      assert(error.statusCode === 404 && error.message.includes('no-such-model'), error);
      return;
    }
    assert(false, 'no error');
  }
});

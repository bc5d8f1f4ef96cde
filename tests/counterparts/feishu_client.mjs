// The official Feishu client, driven over JSON lines.
// Arguments: domain, app id, app secret.
// In: {"call": "im.message.create", "payload": {…}}, or "request" for an API without a method of its own.
// Out: {"result": …} with the answer's JSON or {"base64": "…"} for a download, or {"error": …} with the answer's code.
// Bytes in a payload are {"base64": "…"}, with a name where they are sent as a file.
import { Readable } from 'node:stream';
import { createInterface } from 'node:readline';
import lark from '@larksuiteoapi/node-sdk';

const [domain, appId, appSecret] = process.argv.slice(2);
const write = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };
const client = new lark.Client({ appId, appSecret, domain, logger: silent });

function unpacked(value) {
  if (!value?.base64 && value?.base64 !== '') {
    return value && typeof value === 'object'
      ? Object.fromEntries(Object.entries(value).map(([key, part]) => [key, unpacked(part)]))
      : value;
  }
  const bytes = Buffer.from(value.base64, 'base64');
  return value.name ? Object.assign(Readable.from([bytes], { objectMode: false }), { path: value.name }) : bytes;
}

async function answer(call, payload) {
  const names = call.split('.');
  const method = names.pop();
  const holder = names.reduce((part, name) => part[name], client);
  const result = await holder[method](unpacked(payload));
  if (!result?.getReadableStream) {
    return result ?? null;
  }
  const parts = await result.getReadableStream().toArray();
  return { base64: Buffer.concat(parts).toString('base64') };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { call, payload } = JSON.parse(line);
  try {
    write({ result: await answer(call, payload) });
  } catch (error) {
    write({ error: error.response?.data?.code ?? error.message, status: error.response?.status ?? null });
  }
}

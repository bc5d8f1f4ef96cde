// The official WeCom long-connection client, driven over JSON lines.
// Arguments: address, bot id, secret, options as JSON.
// In: {"call": method of WSClient, "args": […]}. Out: {"event": name, "data": …} and {"result": …} or {"error": …}.
// Bytes travel as {"base64": "…"}.
import { createInterface } from 'node:readline';
import sdk from '@wecom/aibot-node-sdk';

const [wsUrl, botId, secret, options = '{}'] = process.argv.slice(2);
const write = (value) => process.stdout.write(`${JSON.stringify(value, packed)}\n`);
const silent = { debug() {}, info() {}, warn: console.error, error: console.error };

function packed(key, value) {
  return value?.type === 'Buffer' ? { base64: Buffer.from(value.data).toString('base64') } : value;
}

function unpacked(value) {
  return value?.base64 ? Buffer.from(value.base64, 'base64') : value;
}

const client = new sdk.WSClient({ wsUrl, botId, secret, logger: silent, ...JSON.parse(options) });
for (const name of ['authenticated', 'reconnecting', 'disconnected', 'message', 'event']) {
  client.on(name, (data) => write({ event: name, data: data ?? null }));
}
client.on('error', (error) => write({ event: 'error', data: error.message }));
client.connect();

for await (const line of createInterface({ input: process.stdin })) {
  const { call, args } = JSON.parse(line);
  Promise.resolve()
    .then(() => client[call](...args.map(unpacked)))
    .then((result) => write({ result: result === client ? null : result ?? null }))
    .catch((error) => write({ error: error.errcode ?? error.message }));
}

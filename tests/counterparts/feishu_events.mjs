// The official Feishu dispatcher behind a real port.
// Arguments: Encrypt Key, Verification Token, event types to handle, separated by commas.
// Out: {"port": …}, then {"handled": event type, "data": …} for each callback that reached a handler.
import { createServer } from 'node:http';
import lark from '@larksuiteoapi/node-sdk';

const [encryptKey, verificationToken, types] = process.argv.slice(2);
const write = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };
const handle = (type) => (data) => {
  write({ handled: type, data });
  return type === 'card.action.trigger' ? { toast: { type: 'info', content: '收到' } } : {};
};

const dispatcher = new lark.EventDispatcher({ encryptKey, verificationToken, logger: silent });
dispatcher.register(Object.fromEntries(types.split(',').map((type) => [type, handle(type)])));
const server = createServer(lark.adaptDefault('/webhooks/feishu', dispatcher, { autoChallenge: true }));
server.listen(0, '127.0.0.1', () => write({ port: server.address().port }));

// Both official implementations of WeCom's encryption. In: a list of [operation, argument, …]. Out: their results,
// {"error": …} for one that failed. Bytes travel as base64.
import { text } from 'node:stream/consumers';
import { decrypt, encrypt, getSignature } from '@wecom/crypto';
import { WecomCrypto, decryptFile } from '@wecom/aibot-node-sdk';

const bytes = (value) => Buffer.from(value, 'base64');
const operations = {
  encrypt: (key, message, id) => encrypt(key, message, id),
  encryptWith: (key, message, id, random) => encrypt(key, message, id, Buffer.from(random)),
  decrypt: (key, encrypted) => {
    const { message, id } = decrypt(key, encrypted);
    return { message, id };
  },
  signature: (token, timestamp, nonce, encrypted) => getSignature(token, timestamp, nonce, encrypted),
  sdkEncrypt: (token, key, id, message, timestamp, nonce) => new WecomCrypto(token, key, id).encrypt(message, timestamp, nonce),
  sdkDecrypt: (token, key, id, encrypted) => new WecomCrypto(token, key, id).decrypt(encrypted),
  sdkVerify: (token, key, signature, timestamp, nonce, encrypted) =>
    new WecomCrypto(token, key, '').verifySignature(signature, timestamp, nonce, encrypted),
  decryptFile: (encrypted, key) => decryptFile(bytes(encrypted), key).toString('base64'),
};

const results = JSON.parse(await text(process.stdin)).map(([name, ...values]) => {
  try {
    return operations[name](...values);
  } catch (error) {
    return { error: error.message };
  }
});
process.stdout.write(JSON.stringify(results));

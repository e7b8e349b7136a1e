// node ws.js URL [SUBPROTOCOL...]: send 16 MiB as one message and a ping, print what came back as JSON.
'use strict';

const {createHash, randomBytes} = require('node:crypto');
const WebSocket = require('ws');

const [url, ...subprotocols] = process.argv.slice(2);
const sent = randomBytes(16 * 1024 * 1024);
const got = [];
let size = 0;
let pong = null;

const client = new WebSocket(url, subprotocols, {rejectUnauthorized: false});
const digest = (pieces) => {
    const hash = createHash('sha256');
    pieces.forEach((piece) => hash.update(piece));
    return hash.digest('hex');
};

client.on('open', () => {
    client.ping('are you there');
    client.send(sent);
});
client.on('pong', (payload) => { pong = payload.toString(); });
client.on('message', (data) => {
    got.push(data);
    size += data.length;
    if (size >= sent.length) client.close(1000, 'enough');
});
client.on('close', (code) => {
    const same = digest([sent]) === digest(got);
    console.log(JSON.stringify({protocol: client.protocol, same, pong, code}));
});
client.on('error', (error) => {
    console.error(error);
    process.exit(1);
});
setTimeout(() => {
    console.error(`only ${size} bytes came back`);
    process.exit(2);
}, 15000).unref();

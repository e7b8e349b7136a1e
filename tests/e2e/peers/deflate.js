// node deflate.js URL OPTIONS: send compressible messages with these options of
// perMessageDeflate (JSON), print what came back as JSON.
'use strict';

const WebSocket = require('ws');

const [url, options] = process.argv.slice(2);
const perMessageDeflate = {threshold: 0, ...JSON.parse(options)};
const sent = Buffer.concat(Array.from({length: 200}, (_, number) => Buffer.from(`${number} green bottles\n`.repeat(500))));
const half = sent.length / 2;
const got = [];
let size = 0;

const client = new WebSocket(url, {perMessageDeflate});
client.on('open', () => {
    client.send(sent.subarray(0, half));
    client.send(Buffer.alloc(0));
    client.send('', {compress: false});
    client.send(sent.subarray(half), {compress: false});
});
client.on('message', (data) => {
    got.push(data);
    size += data.length;
    if (size >= sent.length) client.close(1000);
});
client.on('close', (code) => {
    const same = sent.equals(Buffer.concat(got));
    console.log(JSON.stringify({same, code, extensions: client.extensions, size, read: bytesRead}));
});
let bytesRead = 0;
client.on('upgrade', (response) => {
    response.socket.on('close', () => { bytesRead = response.socket.bytesRead; });
});
client.on('error', (error) => {
    console.error(error);
    process.exit(1);
});
setTimeout(() => {
    console.error(`only ${size} bytes came back`);
    process.exit(2);
}, 15000).unref();
